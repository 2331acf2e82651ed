"""SHA-256 of what comes in pieces, and lists of digests as `sha256sum --check` reads them."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import BinaryIO

PIECE = 1 << 20


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """A file from where it stands to its end."""
    while piece := file.read(PIECE):
        yield piece


def digest_of(pieces: Iterable[bytes]) -> str:
    """In hexadecimal."""
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def digest_list(digests: Mapping[str, str]) -> str:
    """A line for each name."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def read_digest_list(content: bytes) -> dict[str, str]:
    """Digests by name; what is no such list gives names that nothing has."""
    lines = content.decode("ascii", "replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
