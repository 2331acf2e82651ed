"""Pages behind a cursor: opaque, signed for this list of this facility, and stable whatever is added meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered

USUAL, MOST = 25, 100
CURSOR = OpenApiParameter("cursor", str, description="`next` of the page before")
LIMIT = OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL})
PAGED = [CURSOR, LIMIT]
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, and the cursor of the page after; None at the end."""

    rows: list[Row]
    next: str | None


def page_of(request: Request, found: QuerySet[Row], *order: str) -> Page[Row]:
    """A page of what `limit` and `cursor` ask for, by `order`: fields all rising or all falling, the last one unique.

    Raises ValidationError for a cursor of another list.
    """
    limit, names = limit_of(request), [name.removeprefix("-") for name in order]
    found = found.order_by(*order)
    if cursor := request.query_params.get("cursor", ""):
        values = read_cursor(request, cursor)
        if not isinstance(values, list) or len(values) != len(names):
            raise _wrong()
        found = found.filter(_beyond(names, values, "lt" if order[0].startswith("-") else "gt"))
    rows = list(found[: limit + 1])
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], write_cursor(request, [_plain(getattr(last, name)) for name in names]))


def limit_of(request: Request, given: Any = None) -> int:
    """How many are wanted at most. Raises ValidationError."""
    text = str(request.query_params.get("limit", USUAL) if given is None else given)
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST):
        raise ValidationError({"limit": [f"A whole number from 1 to {MOST}"]})
    return int(text)


def write_cursor(request: Request, values: Any) -> str:
    """Where a page of this list ended."""
    return _signer(request).sign_object(values).replace(":", ".")


def read_cursor(request: Request, cursor: str) -> Any:
    """The inverse. Raises ValidationError for what was not written for this list."""
    content, _, signature = cursor.rpartition(".")
    try:
        return _signer(request).unsign_object(f"{content}:{signature}")
    except (BadSignature, ValueError):
        raise _wrong() from None


def listed(request: Request, name: str, row: type[serializers.BaseSerializer[Any]], page: Page[Any]) -> Response:
    """The answer; where there is more, `Link` has its address (RFC 8288)."""
    content = {name: row(page.rows, many=True).data, "next": page.next}
    if page.next is None:
        return Response(content)
    query = urlencode({**request.query_params.dict(), "cursor": page.next})
    return Response(content, headers={"Link": f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'})


def page_serializer(name: str, row: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """What `listed` answers, for the description."""
    fields = {name: row(many=True), "next": serializers.CharField(allow_null=True, help_text="cursor of the next page")}
    return inline_serializer(f"PageOf{name.title().replace('_', '')}", fields)


def _wrong() -> ValidationError:
    return ValidationError({"cursor": ["This is not a cursor of this list"]})


def _beyond(names: Sequence[str], values: Sequence[Any], lookup: str) -> Q:
    condition = Q()
    for n, name in enumerate(names):
        same = dict(zip(names[:n], values[:n], strict=True))
        condition |= Q(**same, **{f"{name}__{lookup}": values[n]})
    return condition


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _signer(request: Request) -> Signer:
    """Of one list of one facility, narrowed down as it is."""
    told = sorted((name, value) for name, value in request.query_params.items() if name not in {"cursor", "limit"})
    return Signer(salt=f"apps.api.paging {entered(request).facility.pk} {request.path} {urlencode(told)}")
