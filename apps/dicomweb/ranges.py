"""Answers that have an ETag and can be asked for in part (RFC 9110, 13 and 14): one range of bytes."""

import re
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.dicomweb.multipart import streamed
from apps.dicomweb.refusal import refusal

AFTER_ASKING = "private, no-cache"  # kept, and given again only to those who may still have it
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
Read = Callable[[int, int], Iterator[bytes]]


def tagged(request: HttpRequest, etag: str) -> HttpResponseBase | None:
    """304 where the client has it already."""
    known = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    if etag not in known and "*" not in known:
        return None
    return HttpResponse(status=304, headers={"ETag": etag, "Cache-Control": AFTER_ASKING})


def ranged(request: HttpRequest, *, read: Read, length: int, etag: str, content_type: str) -> HttpResponseBase:
    """The whole, or the range asked for: 206, or 416 for one that is not there. `read` takes offset and size."""
    if answer := tagged(request, etag):
        return answer
    asked = _range_of(request, length, etag)
    if asked is not None and not asked:
        return refusal(416, f"The file has {length} bytes", {"Content-Range": f"bytes */{length}"})
    part = asked or range(length)
    response = streamed(read(part.start, len(part)), content_type, len(part))
    for name, value in (("ETag", etag), ("Accept-Ranges", "bytes"), ("Cache-Control", AFTER_ASKING)):
        response[name] = value
    if asked:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{length}"
    return response


def _range_of(request: HttpRequest, length: int, etag: str) -> range | None:
    """The bytes that are asked for; empty where the file has none of them; None where all are, or several ranges."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if not match or not any(match.groups()) or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, length - int(last)), length)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(length, int(last) + 1) if last else length)
