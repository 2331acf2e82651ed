"""Bodies of Store requests."""

from collections.abc import Iterable

BOUNDARY = "a-boundary"
CONTENT_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def body(files: Iterable[bytes], content_type: str = "application/dicom") -> bytes:
    parts = (f"--{BOUNDARY}\r\nContent-Type: {content_type}\r\n\r\n".encode() + file + b"\r\n" for file in files)
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
