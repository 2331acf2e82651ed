"""Answers that have an ETag and can be asked for in part (RFC 9110, 13 and 14): one range of bytes."""

import re
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.core.streaming import streamed

AFTER_ASKING = "private, no-cache"  # kept, and given again only to those who may still have it
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
Pieces = Callable[[int, int], Iterator[bytes]]


def tagged(request: HttpRequest, etag: str) -> HttpResponseBase | None:
    """304 where the client has it already."""
    known = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    if etag not in known and "*" not in known:
        return None
    return HttpResponse(status=304, headers={"ETag": etag, "Cache-Control": AFTER_ASKING})


def in_parts(
    request: HttpRequest, pieces: Pieces, *, size: int, etag: str, content_type: str, is_kept: bool = False
) -> HttpResponseBase:
    """The whole, or the range asked for: 206, or 416 for one that is not there.

    `pieces` takes start and length; `is_kept`: clients may keep what they get.
    """
    if answer := tagged(request, etag):
        return answer
    asked = _range_of(request, size, etag)
    if asked is not None and not asked:
        headers = {"Content-Range": f"bytes */{size}"}
        return HttpResponse(f"The file has {size} bytes\n", "text/plain; charset=utf-8", 416, headers=headers)
    part = asked or range(size)
    response = streamed(pieces(part.start, len(part)), content_type, len(part))
    response["ETag"], response["Accept-Ranges"] = etag, "bytes"
    if is_kept:
        response["Cache-Control"] = AFTER_ASKING
    if asked:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return response


def _range_of(request: HttpRequest, size: int, etag: str) -> range | None:
    """The bytes that are asked for; empty where the file has none of them; None where all are, several ranges, or what
    is no range (14.2).
    """
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if not match or not any(match.groups()) or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)
