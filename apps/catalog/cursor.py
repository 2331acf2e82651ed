"""Cursors: where in a list a page ended, as a text that says nothing about what is listed."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from django.utils.translation import gettext as _

from apps.catalog.criteria import InvalidCriteria

_SIZE = 8


def write_cursor(key: int) -> str:
    """The cursor of the row with this primary key."""
    return urlsafe_b64encode(key.to_bytes(_SIZE, "big")).decode().rstrip("=")


def read_cursor(cursor: str) -> int:
    """The primary key. Raises InvalidCriteria for what write_cursor cannot have written."""
    try:
        content = urlsafe_b64decode(f"{cursor}=".encode("ascii"))
    except ValueError:
        content = b""
    key = int.from_bytes(content, "big", signed=True)
    if len(content) != _SIZE or key < 0 or write_cursor(key) != cursor:
        raise InvalidCriteria("after", _("This is not the address of a page"))
    return key
