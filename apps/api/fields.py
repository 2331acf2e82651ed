"""Fields and small answers that several resources share."""

import re
from datetime import time
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from apps.accounts.models import User
from apps.api.doors import entered


@extend_schema_field(OpenApiTypes.STR)
class HexField(serializers.Field[Any, Any, str, bytes]):
    """A digest, in lower-case hex."""

    def to_representation(self, value: bytes) -> str:
        return bytes(value).hex()


@extend_schema_field({"type": "string", "pattern": r"^\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"})
class LocalTimeField(serializers.TimeField):
    """A time by a clock on the wall, in no zone."""

    def to_internal_value(self, value: Any) -> time:
        if not re.fullmatch(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", str(value), re.ASCII):  # a zone would be dropped
            self.fail("invalid", format="hh:mm:ss")
        return super().to_internal_value(value)


class BoundedListField(serializers.ListField):
    """A list of which nothing is looked at where it is longer than it may be: looking costs more than sending."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            raise serializers.ValidationError(f"At most {self.max_length} are taken")
        return super().to_internal_value(data)


class FileRenderer(JSONRenderer):
    """The file is of the type it is of, whatever was preferred; a refusal is JSON."""

    media_type = "*/*"


def file_answer(content: bytes, name: str, content_type: str) -> HttpResponse:
    """A file to keep."""
    return HttpResponse(content, content_type=content_type,
                        headers={"Content-Disposition": f'attachment; filename="{name}"'})  # fmt: skip


def person(request: Request) -> User:
    """Who is signed in, at a door that takes people alone."""
    assert isinstance(request.user, User)
    return request.user


def doer(request: Request) -> User | None:
    """The person who acts; a token is none."""
    return request.user if entered(request).token is None and isinstance(request.user, User) else None


def valid(serializer: type[serializers.BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """What the body holds. Raises ValidationError."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
