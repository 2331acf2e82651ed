"""Sealing a collection to the center's public key: a ZIP within an age file (https://age-encryption.org/v1).

It is written as it is read: memory does not grow with it. Who has the sealed file alone learns nothing from it.
"""

import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO

import pyrage
from pyrage import x25519

from medvault_edge.errors import Changed, NoRoom, NotUsable
from medvault_edge.gathering import Left
from medvault_edge.recorded import recorded_of
from medvault_edge.source import Image

MOST_BYTES, MOST_FILES = 10 * 1000**3, 20_000
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Written:
    """The sealed file as it lies on the disk."""

    sha256: str
    length: int


def parts(images: Iterable[Image]) -> Iterator[list[Image]]:
    """The images of as many collections as their number and size make necessary."""
    part: list[Image] = []
    size = 0
    for image in images:
        if part and (len(part) == MOST_FILES or size + image.length > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(image)
        size += image.length
    if part:
        yield part


def seal(
    images: list[Image], left: list[Left], about: dict[str, Any], *, recipient: str, to: Path, progress: Progress
) -> Written:
    """Write a sealed file, synced and whole or not at all. `about` is what the manifest says beside the files.

    Raises Changed where a file is not any more what was gathered, NoRoom.
    """
    partial = to.with_suffix(".partial")
    try:
        key = x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise NotUsable("The center's public key is none; enrol again") from error
    source = _Reader(_archive(images, left, about, progress))
    try:
        with partial.open("wb") as file:
            partial.chmod(0o600)
            target = _Hashing(file)
            pyrage.encrypt_io(source, target, [key])
            file.flush()
            os.fsync(file.fileno())
        partial.rename(to)
        sync_folder(to.parent)
    except (OSError, pyrage.EncryptError) as error:
        if source.error:  # pyrage tells of it in words of its own
            raise source.error from None
        raise NoRoom("The sealed file cannot be written; is the disk full?") from error
    finally:
        partial.unlink(missing_ok=True)
    return Written(target.digest.hexdigest(), target.length)


def _stays(left: Left) -> dict[str, Any]:
    """As the center reads it (docs/api.md)."""
    told = asdict(left)
    del told["why"]
    return told


def _archive(images: list[Image], left: list[Left], about: dict[str, Any], progress: Progress) -> Iterator[bytes]:
    """A ZIP, its manifest last, as it grows."""
    sink = _Sink()
    files = []
    with zipfile.ZipFile(sink, "w") as archive:
        for number, image in enumerate(images, 1):
            name = f"files/{number:06d}.dcm"
            digest, length = sha256(), 0
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in _read(image):
                    digest.update(piece)
                    length += len(piece)
                    member.write(piece)
                    progress(len(piece))
                    yield sink.taken()
            if (digest.hexdigest(), length) != (image.sha256, image.length):
                raise Changed(image.source)
            files.append({"name": name, "source": image.source, "sha256": image.sha256, "length": length,
                          **recorded_of(image.sidecar)})  # fmt: skip
        manifest = {"version": 1, **about, "files": files, "left": [_stays(each) for each in left]}
        archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False).encode("utf-8", "replace"))
    yield sink.taken()


def _read(image: Image) -> Iterator[bytes]:
    try:
        yield from image.pieces()
    except OSError as error:  # gone, or the disc cannot be read any more
        raise Changed(image.source) from error


class _Sink(RawIOBase):
    """Takes what zipfile writes; it is not seekable, so that zipfile writes in order."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def taken(self) -> bytes:
        content = bytes(self._waiting)
        self._waiting.clear()
        return content


class _Reader(RawIOBase):
    """Pieces as a file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = memoryview(b"")
        self.error: Changed | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._waiting:
            try:
                piece = next(self._pieces, None)
            except Changed as error:
                self.error = error
                raise
            if piece is None:
                return b""
            self._waiting = memoryview(piece)
        taken = self._waiting if size < 0 else self._waiting[:size]
        self._waiting = self._waiting[len(taken) :]
        return bytes(taken)


class _Hashing:
    """A file that knows the SHA-256 of what went through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest, self.length = sha256(), 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.length += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def sync_folder(folder: Path) -> None:
    """A new name in it outlives the loss of power."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
