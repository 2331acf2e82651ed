"""Files on their way to a medium: a path, how long they are, and how they are read, so that none is held in memory."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class MediumFile:
    """A file of a medium. Its path is of names of eight capitals, digits and underscores, and three more (ISO 9660)."""

    path: str
    length: int
    sha256: str
    pieces: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where content lies in a store."""

    offset: int
    length: int
    sha256: str


class Store:
    """One file for what is made before media are written, such as pictures: their lengths decide on the split."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("x+b")
        self._end = 0

    def keep(self, pieces: Iterable[bytes]) -> Kept:
        """Append content."""
        start, digest = self._end, sha256()
        for piece in pieces:
            self._file.write(piece)
            digest.update(piece)
            self._end += len(piece)
        return Kept(start, self._end - start, digest.hexdigest())

    def pieces(self, kept: Kept) -> Iterator[bytes]:
        """Content as it was kept."""
        self._file.flush()
        at, left = kept.offset, kept.length
        while left and (piece := os.pread(self._file.fileno(), min(PIECE, left), at)):
            at, left = at + len(piece), left - len(piece)
            yield piece

    def file(self, path: str, kept: Kept) -> MediumFile:
        """Content under a path."""
        return MediumFile(path, kept.length, kept.sha256, partial(self.pieces, kept))

    def close(self) -> None:
        self._file.close()


def file_of(path: str, content: bytes) -> MediumFile:
    """A file that is in memory."""
    return MediumFile(path, len(content), sha256(content).hexdigest(), lambda: [content])


def file_at(path: str, source: Path) -> MediumFile:
    """A file that lies on this host's disk."""
    with source.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return MediumFile(path, source.stat().st_size, digest, partial(_pieces, source))


def _pieces(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
