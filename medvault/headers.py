"""Headers that Django and REST framework parse, looked at before they are.

Longer ones than any client sends would hold a thread for minutes: the parser takes the square of their length. What is
malformed, or names a charset that is none, would end in an error that no middleware sees. A body is decoded by what its
charset names, which may be a codec that unpacks. And a form's files lie on the disk before it is known who sends them:
what devices upload is no form, and has bounds of its own.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.http.request import MediaType

from apps.core.multipart import LONGEST_TYPE
from apps.core.problems import PROBLEM, problem
from apps.dicomweb.accept import LONGEST as LONGEST_ACCEPT

LONGEST = {"CONTENT_TYPE": LONGEST_TYPE, "HTTP_ACCEPT": LONGEST_ACCEPT}
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
LARGEST_FORM = 64 * 1024 * 1024  # more than any of ours takes, of which each says itself how much
FORM_TOO_LARGE = "413 Request Entity Too Large"
TOO_LARGE, MALFORMED = "431 Request Header Fields Too Large", "400 Bad Request"
UNSUPPORTED = "415 Unsupported Media Type"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_sound_headers(application: Application) -> Application:
    """The application, asked only with headers that can be parsed, and with bodies in UTF-8."""

    def answered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for name in LONGEST:
            if status := _refused(name, environ.get(name, "")):
                return _refusal(start_response, status, name)
        if _is_too_large_a_form(environ):
            return _refusal(start_response, FORM_TOO_LARGE, "CONTENT_LENGTH")
        return application(environ, start_response)

    return answered


def _is_too_large_a_form(environ: dict[str, Any]) -> bool:
    length = environ.get("CONTENT_LENGTH", "")
    is_form = environ.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data")
    return is_form and length.isdigit() and int(length) > LARGEST_FORM


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
    code = {UNSUPPORTED: "unsupported_media_type", FORM_TOO_LARGE: "too_large"}.get(status, "bad_request")
    detail = f"The header {header} is malformed, more than it can be, or names another charset than UTF-8"
    content = problem(int(status[:3]), code=code, detail=detail).content
    start_response(status, [("Content-Type", PROBLEM), ("Content-Length", str(len(content)))])
    return [content]
