"""The description for programs (OpenAPI 3.1): who may call what, and how each operation can be refused.

What a view is for stands in the first sentence of its docstring, who may enter in its doors; both are read from there.
"""

from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiParameter, inline_serializer
from rest_framework import serializers

from apps.api.fields import FileRenderer
from apps.api.idempotency import HEADER
from apps.api.middleware import DETAILS
from apps.api.resource import SAFE
from apps.core.problems import PROBLEM
from apps.facilities.doors import Door

KEY = OpenApiParameter(
    HEADER, {"type": "string", "minLength": 1, "maxLength": 255}, OpenApiParameter.HEADER,
    description="Your own name for this request: sent again within 24 hours, it is answered again and not done again",
)  # fmt: skip
CODES = {
    400: ("invalid", "The request is not as it should be; `errors` names the fields"),
    401: ("unauthorized", "No token, or an unknown, revoked or expired one; nobody is signed in"),
    403: ("forbidden", "The token lacks the scope, or the person the role"),
    404: ("not_found", "There is no such thing, or it is another facility's"),
    405: ("method_not_allowed", "The address does not take this method"),
    406: ("not_acceptable", "`Accept` allows none of the types that there are"),
    409: ("in_progress", "A fact refuses it; `code` says which"),
    413: ("too_large", "The body is larger than is taken here"),
    415: ("unsupported_media_type", "The body is not JSON"),
    422: ("idempotency_key_reused", "The Idempotency-Key came with another request before"),
    429: ("too_many_requests", "Asked too often; `Retry-After` says when to go on"),
    503: ("service_unavailable", "The database is away; `Retry-After`"),
}


_FIELDS: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    "type": serializers.URLField(help_text="where the code is explained"),
    "title": serializers.CharField(),
    "status": serializers.IntegerField(),
    "code": serializers.CharField(help_text="stable, for programs"),
    "detail": serializers.CharField(help_text="a sentence for people"),
    "errors": serializers.DictField(required=False, help_text="of a malformed request: what is wrong with each field"),
    "request_id": serializers.CharField(required=False, help_text="by which the center finds it in its logs"),
}
PROBLEM_DETAILS = inline_serializer("Problem", _FIELDS)


class Description(AutoSchema):
    """The description of one operation of a Resource."""

    view: Any

    def get_tags(self) -> list[str]:
        return [self.view.tag]

    def get_summary(self) -> str:
        sentence: str = super().get_description().partition("\n")[0].partition(". ")[0]
        return sentence.rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        return "\n\n".join(filter(None, [super().get_description().strip(), self._admission()]))

    def get_auth(self) -> list[dict[str, list[str]]]:
        door = self._door()
        if door is None:
            return [{}]
        if door.scope is None:
            return [{"session": []} if self.method in SAFE else {"session": [], "csrf": []}]
        tokens = [{"token": [str(each)]} for each in (door.scope, door.or_scope) if each]
        return [*tokens, {"session": []}] if self.method in SAFE else tokens

    def get_override_parameters(self) -> list[Any]:
        return [KEY] if self._is_done_once() else []

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        return bodies | {str(status): self._refusal(status) for status in self._refusals()}

    def _refusals(self) -> list[int]:
        found = [429, 503]
        found += [401, 403, 404] if self._door() else [403]
        found += [] if FileRenderer in self.view.renderer_classes else [406]
        if self.method not in SAFE:
            found += [400, 409, 413, 415]
        elif [each for each in self.get_override_parameters() if each is not KEY]:
            found += [400]
        if self._is_done_once():
            found += [422]
        return sorted(found)

    def _refusal(self, status: int) -> dict[str, Any]:
        code, description = CODES[status]
        example = {
            "type": f"https://vault.example/api/v1/problems/#{code}", "title": HTTPStatus(status).phrase,
            "status": status, "code": code, "detail": DETAILS.get(status, description),
        }  # fmt: skip
        schema = self.resolve_serializer(PROBLEM_DETAILS, "response").ref
        return {"description": description, "content": {PROBLEM: {"schema": schema, "example": example}}}

    def _admission(self) -> str:
        door = self._door()
        if door is None:
            return ""
        if door.scope is None:
            return f"Takes a person: a session of the portal, and the role {door.role}."
        scopes = " or ".join(f"`{each}`" for each in (door.scope, door.or_scope) if each)
        return f"Takes a token with the scope {scopes}" + (", or a session." if self.method in SAFE else ".")

    def _door(self) -> Door | None:
        doors: dict[str, Door] = self.view.doors
        return doors.get(self.method)

    def _is_done_once(self) -> bool:
        return self.method not in SAFE and not self.view.asks and self._door() is not None
