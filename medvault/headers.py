"""Headers that Django and REST framework parse, looked at before they are.

Longer ones than any client sends would hold a thread for minutes: the parser takes the square of their length. What is
malformed, or names a charset that is none, would end in an error that no middleware sees. And a body is decoded by the
codec that its charset names, which may be one that unpacks.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.http.request import MediaType

from apps.core.problems import PROBLEM, problem

LONGEST = {"CONTENT_TYPE": 1024, "HTTP_ACCEPT": 4096}
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
TOO_LARGE, MALFORMED = "431 Request Header Fields Too Large", "400 Bad Request"
UNSUPPORTED = "415 Unsupported Media Type"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_sound_headers(application: Application) -> Application:
    """The application, asked only with headers that can be parsed, and with bodies in UTF-8."""

    def answered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for name in LONGEST:
            if status := _refused(name, environ.get(name, "")):
                return _refusal(start_response, status, name)
        return application(environ, start_response)

    return answered


def _refused(name: str, value: str) -> str:
    """The status that refuses it; '' where nothing does."""
    if len(value) > LONGEST[name]:
        return TOO_LARGE
    try:
        if "'" in value:  # extended values (RFC 2231), which are what can be malformed
            for each in (value, *value.split(",")):
                MediaType(each)
        charset = MediaType(value).params.get("charset", "utf-8") if "charset" in value.lower() else "utf-8"
    except ValueError:
        return MALFORMED
    return UNSUPPORTED if name == "CONTENT_TYPE" and charset.lower() not in CHARSETS else ""


def _refusal(start_response: Callable[..., Any], status: str, name: str) -> list[bytes]:
    header = name.removeprefix("HTTP_").replace("_", "-").title()
    code = "unsupported_media_type" if status == UNSUPPORTED else "bad_request"
    detail = f"The header {header} is malformed, longer than it can be, or names another charset than UTF-8"
    content = problem(int(status[:3]), code=code, detail=detail).content
    start_response(status, [("Content-Type", PROBLEM), ("Content-Length", str(len(content)))])
    return [content]
