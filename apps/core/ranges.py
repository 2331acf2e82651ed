"""A file in parts, so that a download that was cut goes on where it stopped (RFC 9110, 14)."""

import re
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def in_parts(
    request: HttpRequest, pieces: Callable[[int, int], Iterator[bytes]], *, size: int, etag: str, content_type: str
) -> HttpResponseBase:
    """The whole, or the one range that is asked for, 416 where it lies beyond; `pieces` takes start and length."""
    wanted = _range(request, size, etag)
    if wanted is None:
        response: HttpResponseBase = StreamingHttpResponse(pieces(0, size), content_type=content_type)
        response["Content-Length"] = str(size)
    elif wanted[0] > wanted[1]:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
    else:
        start, end = wanted
        response = StreamingHttpResponse(pieces(start, end - start + 1), status=206, content_type=content_type)
        response["Content-Length"] = str(end - start + 1)
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    return response


def _range(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """First and last byte; None for the whole, which is also the answer to what is not understood. Empty: too far."""
    found = _ONE_RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if not found or found[0] == "bytes=-" or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = found.groups()
    if not first:
        return max(size - int(last), 0), size - 1 if int(last) else -1
    return int(first), min(int(last) if last else size - 1, size - 1)
