"""Verifying what a pack says of itself: every file has the SHA-256 it was received with."""

import hashlib
import io
import json
import zlib
from typing import IO, cast
from zipfile import BadZipFile, ZipFile

from apps.vault.errors import DigestMismatch
from apps.vault.places import PIECE, Place

LONGEST_MANIFEST = 64 << 20  # 200,000 files
# What zipfile and json raise for bytes that were damaged anywhere: an unknown compression, encryption, a wrong type.
_NOT_AS_WRITTEN = (BadZipFile, zlib.error, EOFError, LookupError, TypeError, ValueError, RuntimeError)


class PackFile(io.RawIOBase):
    """A pack as a file that can be read anywhere, from whatever place it lies in."""

    def __init__(self, where: Place, name: str, size: int) -> None:
        self._where, self._name, self._size, self._at = where, name, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("A pack has nothing before its beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        content = self._where.read_at(self._name, self._at, max(0, min(len(view), self._size - self._at)))
        view[: len(content)] = content
        self._at += len(content)
        return len(content)


def verify_members(where: Place, name: str, size: int) -> int:
    """Read a whole pack and compare each file with the manifest; returns how many there are.

    Raises DigestMismatch, MissingPack.
    """
    try:
        with ZipFile(cast(IO[bytes], io.BufferedReader(PackFile(where, name, size), PIECE))) as pack:
            files = json.loads(_manifest(pack))["files"]
            for file in files:
                with pack.open(file["name"]) as member:
                    if hashlib.file_digest(member, "sha256").hexdigest() != file["sha256"]:  # type: ignore[arg-type]
                        raise DigestMismatch(f"A file of pack {name} reads differently from what was received")
    except _NOT_AS_WRITTEN as error:
        raise DigestMismatch(f"Pack {name} cannot be read as what was written") from error
    return len(files)


def _manifest(pack: ZipFile) -> bytes:
    with pack.open("manifest.json") as manifest:
        content = manifest.read(LONGEST_MANIFEST + 1)
    if len(content) > LONGEST_MANIFEST:
        raise ValueError("The manifest is longer than any that was written")
    return content
