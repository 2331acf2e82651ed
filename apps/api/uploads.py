"""Handover: resumable upload of sealed collections (tus 1.0.0, https://tus.io/protocols/resumable-upload).

Extensions: creation, expiration, termination.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from functools import wraps
from uuid import UUID

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from apps.collection import uploads
from apps.collection.models import Upload
from apps.collection.tasks import announce_upload
from apps.core.errors import DomainError
from apps.core.problems import problem
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role, Scope
from apps.facilities.tenancy import as_facility
from apps.vault.errors import VaultUnavailable

TUS = "1.0.0"
PIECE = 256 * 1024
LONGEST_METADATA = 2000
_STATUS: dict[type[DomainError], int] = {
    uploads.CollectionTaken: 409,
    uploads.WrongOffset: 409,
    uploads.TooLong: 413,
    uploads.Busy: 423,
    uploads.Over: 403,
    VaultUnavailable: 503,
}
View = Callable[..., HttpResponse]


class BadRequest(DomainError):
    """The request lacks what tus asks for, or has it malformed."""

    code = "bad_request"


def _tus(view: View) -> View:
    """A view of the protocol: checks the version, translates facts, marks the answer."""

    @csrf_exempt
    @facility_door(role=Role.MEMBER, scope=Scope.HANDOVER, own_scope=True)
    @wraps(view)
    def answered(request: FacilityRequest, **kwargs: UUID) -> HttpResponse:
        response: HttpResponse
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != TUS:
            response = problem(412, code="wrong_version", detail="Send Tus-Resumable: 1.0.0")
            response.headers["Tus-Version"] = TUS
        else:
            response = _translated(view, request, **kwargs)
        response.headers["Tus-Resumable"] = TUS
        return response

    return answered


def _translated(view: View, request: FacilityRequest, **kwargs: UUID) -> HttpResponse:
    try:
        return view(request, **kwargs)
    except BadRequest as error:
        return problem(400, code=error.code, detail=error.message)
    except tuple(_STATUS) as error:
        headers = {"Retry-After": "30"} if isinstance(error, VaultUnavailable) else None
        return problem(_STATUS[type(error)], code=error.code, detail=error.message, headers=headers)


@_tus
def options(_request: FacilityRequest, **_kwargs: UUID) -> HttpResponse:
    """What this server can do."""
    headers = {
        "Tus-Version": TUS,
        "Tus-Extension": "creation,expiration,termination",
        "Tus-Max-Size": str(uploads.MOST_BYTES),
    }
    return HttpResponse(status=204, headers=headers)


@_tus
def create(request: FacilityRequest) -> HttpResponse:
    """Begin an upload; the one there is when the same was begun before."""
    metadata = _metadata(request)
    token = request.token
    assert token
    upload = uploads.begin_upload(
        facility=request.facility,
        token=token,
        collection_uid=_uuid(metadata),
        sealed_sha256=_sha256(metadata),
        length_bytes=_whole_number(request, "Upload-Length"),
        actor=request.actor,
        now=timezone.now(),
    )
    address = reverse("api:upload", kwargs={"facility_slug": request.facility.slug, "upload_uid": upload.uid})
    return HttpResponse(status=201, headers={"Location": address, **_expiry(upload)})


@_tus
def look(request: FacilityRequest, upload_uid: UUID) -> HttpResponse:
    """How much has arrived."""
    upload = _own(request, upload_uid)
    if upload is None:
        return _gone()
    headers = {"Upload-Offset": str(uploads.offset_of(upload)), "Upload-Length": str(upload.length_bytes)}
    return HttpResponse(status=200, headers=headers | _expiry(upload) | {"Cache-Control": "no-store"})


@_tus
def patch(request: FacilityRequest, upload_uid: UUID) -> HttpResponse:
    """Append; the answer leaves when what it counts is durable."""
    if request.content_type != "application/offset+octet-stream":
        return problem(415, code="wrong_type", detail="Send application/offset+octet-stream")
    upload = _own(request, upload_uid)
    if upload is None:
        return _gone()
    offset = _whole_number(request, "Upload-Offset")
    end = uploads.append(upload, offset=offset, pieces=_pieces(request), actor=request.actor, now=timezone.now())
    if upload.completed_at:
        announce_upload(upload.pk)
    return HttpResponse(status=204, headers={"Upload-Offset": str(end), **_expiry(upload)})


@_tus
def terminate(request: FacilityRequest, upload_uid: UUID) -> HttpResponse:
    """Take back what is not complete."""
    upload = _own(request, upload_uid)
    if upload is None:
        return _gone()
    uploads.withdraw(upload, actor=request.actor, now=timezone.now())
    return HttpResponse(status=204)


def _own(request: FacilityRequest, uid: UUID) -> Upload | None:
    """The upload, if this device began it and it was not refused."""
    with as_facility(request.facility):
        return Upload.objects.filter(
            facility=request.facility, uid=uid, device_token=request.token, refused_at=None
        ).first()


def _gone() -> HttpResponse:
    return problem(404, code="no_such_upload", detail="There is no such upload. Start over")


def _expiry(upload: Upload) -> dict[str, str]:
    return {} if upload.completed_at else {"Upload-Expires": http_date(upload.expires_at.timestamp())}


def _pieces(request: HttpRequest) -> Iterator[bytes]:
    """The body as it arrives; where the connection breaks it ends."""
    try:
        while piece := request.read(PIECE):
            yield piece
    except UnreadablePostError:
        return


def _metadata(request: HttpRequest) -> dict[str, bytes]:
    header = request.headers.get("Upload-Metadata", "")
    if len(header) > LONGEST_METADATA:
        raise BadRequest(f"Upload-Metadata exceeds {LONGEST_METADATA} characters")
    try:
        pairs = (pair.strip().partition(" ") for pair in header.split(","))
        return {key: base64.b64decode(value, validate=True) for key, _, value in pairs}
    except binascii.Error:
        raise BadRequest("Upload-Metadata is malformed") from None


def _uuid(metadata: dict[str, bytes]) -> UUID:
    try:
        return UUID(metadata.get("collection", b"").decode("ascii"))
    except ValueError:
        raise BadRequest("Upload-Metadata must hold the UUID of the collection") from None


def _sha256(metadata: dict[str, bytes]) -> bytes:
    try:
        digest = bytes.fromhex(metadata.get("sha256", b"").decode("ascii"))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise BadRequest("Upload-Metadata must hold the SHA-256 of the file, in hex")
    return digest


def _whole_number(request: HttpRequest, header: str) -> int:
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise BadRequest(f"{header} must be a whole number")
    return int(value)
