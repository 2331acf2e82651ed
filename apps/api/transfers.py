"""Operations that move files and are no views of REST framework, for the description: uploads and restored files."""

from typing import Any

UPLOADS, RESTORES = "/api/v1/f/{facility_slug}/uploads/", "/api/v1/f/{facility_slug}/restores/"
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
REFUSALS = {
    400: "A header is missing or malformed",
    401: "No token, or an unknown, revoked or expired one",
    403: "The token lacks the scope; the file was handed over and refused",
    404: "There is nothing of that kind, or it expired",
    409: "Another offset; the collection was begun with another file",
    412: "Another version of the protocol",
    413: "More than is taken, or than was announced",
    415: "Another content type",
    416: "The range lies beyond the file",
    423: "Another request appends at this moment",
    503: "No room now; the database or the vault is away",
}


def add_transfers(result: dict[str, Any], **_given: Any) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular."""
    result["paths"] |= PATHS
    return result


def _parameter(name: str, place: str, *, of: dict[str, Any] | None = None, is_required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": place, "required": is_required, "schema": of or {"type": "string"}}


SLUG, UUID = _parameter("facility_slug", "path"), {"type": "string", "format": "uuid"}
UPLOAD, ORDER = _parameter("upload_uid", "path", of=UUID), _parameter("order_uid", "path", of=UUID)
NUMBER, BYTES = {"type": "integer", "minimum": 0}, {"type": "string", "format": "binary"}
TUS = _parameter("Tus-Resumable", "header", of={"type": "string", "const": "1.0.0"})
RANGE = _parameter("Range", "header", is_required=False)


def _operation(
    name: str, tag: str, summary: str, parameters: list[dict[str, Any]], answers: dict[int, dict[str, Any]],
    refusals: tuple[int, ...], *, scope: str,
) -> dict[str, Any]:  # fmt: skip
    refused = {str(status): {"description": REFUSALS[status], "content": PROBLEM} for status in refusals}
    return {
        "operationId": name, "tags": [tag], "summary": summary, "parameters": parameters,
        "description": f"{summary}.\n\nTakes a token with the scope `{scope}`.", "security": [{"token": [scope]}],
        "responses": {str(status): answer for status, answer in answers.items()} | refused,
    }  # fmt: skip


def _upload(name: str, summary: str, status: int, parameters: list[dict[str, Any]], *refusals: int) -> dict[str, Any]:
    headers = {each: {"schema": {"type": "string"}} for each in ("Upload-Offset", "Upload-Expires")}
    if name == "uploads_create":
        headers = {"Location": {"schema": {"type": "string"}}, "Upload-Expires": {"schema": {"type": "string"}}}
    known = (401, 403, 404, 412, 503, *refusals)
    return _operation(
        name, "Handover", summary, [SLUG, TUS, *parameters], {status: {"description": "Done", "headers": headers}},
        known, scope="collections:handover",
    )  # fmt: skip


def _file(name: str, summary: str, content_type: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    content = {"content": {content_type: {"schema": BYTES}}}
    answers = {200: {"description": "All of it"} | content, 206: {"description": "A part"} | content}
    told = [SLUG, ORDER, *parameters, RANGE]
    return _operation(name, "Restores", summary, told, answers, (401, 403, 404, 416, 503), scope="images:restore")


PATHS: dict[str, Any] = {
    UPLOADS: {
        "post": _upload(
            "uploads_create", "Begin to hand over a sealed collection (tus 1.0.0, creation)", 201,
            [_parameter("Upload-Length", "header", of=NUMBER), _parameter("Upload-Metadata", "header")], 400, 409, 413,
        ),
    },
    f"{UPLOADS}{{upload_uid}}/": {
        "head": _upload("uploads_look", "How much has arrived", 200, [UPLOAD]),
        "patch": _upload(
            "uploads_append", "Append bytes, durable when this is answered", 204,
            [UPLOAD, _parameter("Upload-Offset", "header", of=NUMBER)], 400, 409, 413, 415, 423,
        )
        | {"requestBody": {"required": True, "content": {"application/offset+octet-stream": {"schema": BYTES}}}},
        "delete": _upload("uploads_terminate", "Take back what is not complete", 204, [UPLOAD], 423),
    },
    f"{RESTORES}{{order_uid}}/manifest/": {
        "get": _file("restores_manifest", "The manifest of a restore, as JSON lines", "application/jsonl", []),
    },
    f"{RESTORES}{{order_uid}}/files/{{key}}/": {
        "get": _file("restores_file", "A file of a restore, by its key in the manifest", "application/dicom",
                     [_parameter("key", "path")]),
    },
}  # fmt: skip
