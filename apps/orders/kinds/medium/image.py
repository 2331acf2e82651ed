"""Disc images: ISO 9660 level 1 with Joliet and UDF (PS3.12, annexes F and J), written and read back by pycdlib."""

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from pycdlib import PyCdlib
from pycdlib.pycdlibexception import PyCdlibException

from apps.orders.digests import pieces_of
from apps.orders.errors import OutputDiffers
from apps.orders.kinds.bundle import Part
from apps.orders.kinds.medium.files import PIECE, MediumFile

_TREES = ("iso_path", "joliet_path", "udf_path")


class _Reader(io.RawIOBase):
    """A file as pycdlib reads it: from its beginning, each read as long as it is asked for. It is never closed."""

    def __init__(self, file: MediumFile) -> None:
        self._source = file
        self._left = 0
        self._pieces: Iterator[bytes] = iter(())
        self._held = b""

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset or whence:
            raise io.UnsupportedOperation
        self._left, self._pieces, self._held = self._source.length, iter(self._source.pieces()), b""
        return 0

    def read(self, size: int = -1) -> bytes:
        held = bytearray(self._held)
        while len(held) < size and (piece := next(self._pieces, b"")):
            held += piece
        read, self._held = bytes(held[:size]), bytes(held[size:])
        self._left -= size
        # With its last piece a source lets go of the file that it reads from, once it is asked for another one.
        if len(read) < size or (not self._left and (self._held or next(self._pieces, b""))):
            raise OutputDiffers("A file is not as long as it is said to be")
        return read


def write_image(target: BinaryIO, files: Sequence[MediumFile], *, name: str) -> None:
    """Write the image of a disc. `name`: of the volume, capitals, digits and underscores. Raises OutputDiffers."""
    try:
        _write(target, files, name)
    except PyCdlibException as error:
        raise OutputDiffers("The disc image cannot be written") from error


def _write(target: BinaryIO, files: Sequence[MediumFile], name: str) -> None:
    image = PyCdlib()
    image.new(interchange_level=1, vol_ident=name, app_ident_str="MEDVAULT", joliet=3, udf="2.60")
    for folder in _folders(files):
        image.add_directory(iso_path=folder, joliet_path=folder, udf_path=folder)
    for file in files:
        path = f"/{file.path}"
        dot = "" if "." in file.path else "."
        image.add_fp(
            cast(BinaryIO, _Reader(file)), file.length, iso_path=f"{path}{dot};1", joliet_path=path, udf_path=path
        )
    image.write_fp(target, blocksize=PIECE)
    image.close()


class ReadImage:
    """The image of a disc, read back: the same files in each of its three trees. Raises OutputDiffers."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        image = PyCdlib()
        try:
            image.open_fp(file)
            self._extents, joliet, udf = (dict(_extents(image, tree)) for tree in _TREES)
        except Exception as error:  # whatever pycdlib raises about an image that is damaged
            raise OutputDiffers("The disc image cannot be read back") from error
        if not self._extents == joliet == udf:
            raise OutputDiffers("The file systems of the disc image differ")
        self.paths = set(self._extents)

    def pieces(self, path: str) -> Iterator[bytes]:
        """The content of a file, by its ISO 9660 name."""
        return pieces_of(self.opened(path))

    def opened(self, path: str) -> BinaryIO:
        """The same, seekable."""
        return cast(BinaryIO, Part(self._file, *self._extents[path]))


def _extents(image: PyCdlib, tree: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Where each file of a tree lies, and its length."""
    for folder, _, names in image.walk(**{tree: "/"}):
        for name in names:
            path = f"{folder}/{name}".replace("//", "/")
            extents = image.get_file_byte_extents(**{tree: path})  # UDF has one for each GiB
            start, length = extents[0][0], sum(size for _, size in extents)
            if extents[-1] != (start + length - extents[-1][1], extents[-1][1]):
                raise OutputDiffers("A file of the disc image is not in one piece")
            yield path.lstrip("/").partition(";")[0].rstrip("."), (start, length)


def _folders(files: Sequence[MediumFile]) -> list[str]:
    """Every folder of the files, those above it first."""
    found: set[str] = set()
    for file in files:
        parts = file.path.split("/")[:-1]
        found.update("/" + "/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return sorted(found)
