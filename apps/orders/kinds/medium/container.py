"""Contents in ZIP files: of a stick as they are; of a medium for a patient encrypted (AES-256, WinZip's AE-2)."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import pyzipper

from apps.orders.digests import pieces_of
from apps.orders.errors import OutputDiffers
from apps.orders.kinds.bundle import Part, members
from apps.orders.kinds.download import member
from apps.orders.kinds.medium.files import MediumFile


def write_zip(target: BinaryIO, files: Sequence[MediumFile]) -> None:
    """Write files into a ZIP, stored."""
    with ZipFile(target, "w", ZIP_STORED) as archive:
        _write(archive, files, ZipInfo)


def write_locked(target: Path, files: Sequence[MediumFile], *, password: str) -> None:
    """Write files into an encrypted ZIP; their names, which say nothing, can be read by everybody."""
    with pyzipper.AESZipFile(target, "x", ZIP_STORED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        _write(archive, files, pyzipper.zipfile_aes.AESZipInfo)


def _write(archive: Any, files: Iterable[MediumFile], info: Any) -> None:
    for file in files:
        with archive.open(member(file.path, info), "w", force_zip64=True) as opened:
            for piece in file.pieces():
                opened.write(piece)


class ReadZip:
    """A ZIP that is stored, read back. Raises OutputDiffers."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._members = members(file)
        self.paths = set(self._members)

    def pieces(self, path: str) -> Iterator[bytes]:
        """The content of a file."""
        return pieces_of(self.opened(path))

    def opened(self, path: str) -> BinaryIO:
        """The same, seekable."""
        return cast(BinaryIO, Part(self._file, *self._members[path]))


class ReadLocked:
    """An encrypted ZIP, read back. Raises OutputDiffers."""

    def __init__(self, file: BinaryIO, password: str) -> None:
        try:
            self._archive = pyzipper.AESZipFile(file)
        except (BadZipFile, pyzipper.BadZipFile) as error:
            raise OutputDiffers("The container cannot be read back") from error
        self._archive.setpassword(password.encode())
        self.paths = set(self._archive.namelist())

    def pieces(self, path: str) -> Iterator[bytes]:
        """The content of a file."""
        try:
            with self._archive.open(path) as opened:
                yield from pieces_of(opened)
        except (RuntimeError, pyzipper.BadZipFile) as error:  # a wrong password, a wrong authentication code
            raise OutputDiffers("The container cannot be read back") from error
