"""Pages of a PDF, written and read back by pikepdf, which is imported by who makes sheets alone: it is large."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pikepdf
from numpy.typing import NDArray

from apps.orders.errors import OutputDiffers
from apps.orders.sheets.rendering import Cell
from apps.orders.sheets.typesetting import eight_bits


class Pages:
    """A PDF that grows by a page at a time. Until it is saved the pages lie in a folder, and not in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._made = folder, pikepdf.new()
        self._sources: list[pikepdf.Pdf] = []

    def add(self, content: bytes) -> None:
        """Add the page of a document that has one."""
        path = self._folder / f"page{len(self._sources)}.pdf"
        path.write_bytes(content)
        self._sources.append(pikepdf.open(path))
        self._made.pages.extend(self._sources[-1].pages)

    def save(self, target: Path) -> None:
        """Write them all."""
        self._made.save(target)


@contextmanager
def read_pages(file: Path | BinaryIO) -> Iterator[list[pikepdf.Page]]:
    """The pages of a document. Raises OutputDiffers where they cannot be read."""
    try:
        with pikepdf.open(file) as document:
            yield list(document.pages)
    except pikepdf.PdfError as error:
        raise OutputDiffers("The output cannot be read back") from error


def pictures_on(page: pikepdf.Page) -> list[NDArray[Any]]:
    """The levels of every picture of a page."""
    images = cast(Iterable[pikepdf.Stream], page.get_images().values())
    return [np.asarray(pikepdf.PdfImage(each).as_pil_image()) for each in images]


def require_pictures(page: pikepdf.Page, cells: Sequence[Cell]) -> None:
    """Raises OutputDiffers where a page does not show exactly these pictures, pixel by pixel."""
    shown = {_digest(levels) for levels in pictures_on(page)}
    if shown != {_digest(eight_bits(cell)) for cell in cells if cell.levels is not None}:
        raise OutputDiffers("A sheet does not show the pictures that were ordered")


def _digest(levels: NDArray[Any]) -> bytes:
    return sha256(f"{levels.shape} {levels.dtype}".encode() + np.ascontiguousarray(levels).tobytes()).digest()
