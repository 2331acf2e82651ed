"""What answers hold."""

from io import BytesIO
from typing import Any

from apps.core.multipart import content_type_of, parts


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def parts_of(answer: Any) -> list[bytes]:
    """The content of the parts of a multipart answer, whose length is what it says."""
    assert answer.status_code == 200, content(answer)
    kind, parameters = content_type_of(answer["Content-Type"])
    assert kind == "multipart/related"
    raw = content(answer)
    assert int(answer.get("Content-Length", len(raw))) == len(raw)
    return [b"".join(part.pieces) for part in parts(BytesIO(raw).read, parameters["boundary"])]
