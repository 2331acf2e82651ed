"""Writing multipart/related (RFC 2387) as it is sent."""

from uuid import uuid4


class Multipart:
    """One answer in parts of one media type."""

    def __init__(self, media_type: str) -> None:
        self._boundary = uuid4().hex
        self.content_type = f'multipart/related; type="{media_type}"; boundary={self._boundary}'
        self.end = f"\r\n--{self._boundary}--\r\n".encode()

    def head(self, content_type: str, *, is_first: bool) -> bytes:
        """What goes before the content of a part."""
        end_of_last = "" if is_first else "\r\n"
        return f"{end_of_last}--{self._boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode()
