"""Headers that Django and REST framework parse, looked at before they are: longer ones than any client sends would hold
a thread for minutes, for the library's parser takes the square of their length; malformed ones would end in an error
that no middleware sees.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.http.request import MediaType

LONGEST = {"CONTENT_TYPE": 1024, "HTTP_ACCEPT": 4096}
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_sound_headers(application: Application) -> Application:
    """The application, asked only with headers that can be parsed; others are refused by 431 and 400."""

    def answered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for name, longest in LONGEST.items():
            value = environ.get(name, "")
            if len(value) > longest:
                return _refusal(start_response, "431 Request Header Fields Too Large", name)
            if "'" in value and not _is_sound(value):  # extended values (RFC 2231), which are what can be malformed
                return _refusal(start_response, "400 Bad Request", name)
        return application(environ, start_response)

    return answered


def _is_sound(value: str) -> bool:
    try:
        for each in value.split(","):
            MediaType(each)
        MediaType(value)
    except ValueError:
        return False
    return True


def _refusal(start_response: Callable[..., Any], status: str, name: str) -> list[bytes]:
    header = name.removeprefix("HTTP_").replace("_", "-").title()
    content = f"The header {header} is malformed, or longer than it can be\n".encode()
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(content)))])
    return [content]
