"""A film order as it is kept until it is printed: a ZIP of what each image box of each sheet is to show.

`sheets.json` says how; `001/01.png` is the first cell of the first sheet, grey levels of 12 bits or colours of 8;
`sheets.pdf` is the same to look at.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apps.orders.sheets.format import Format
from apps.orders.sheets.rendering import Cell
from apps.orders.sheets.typesetting import film_cells

PLAN, LOOK = "sheets.json", "sheets.pdf"


class Box(NamedTuple):
    """What an image box shows: levels, and how wide it is to be in mm where its size matters."""

    levels: NDArray[Any]
    width: float | None


class FilmWriter:
    """Writes it sheet by sheet."""

    def __init__(self, archive: ZipFile, options: Mapping[str, Any], folder: Path) -> None:
        self._archive, self._options, self._folder = archive, options, folder
        self._sheets: list[list[float | None]] = []
        self._is_colour = False

    def add(self, cells: Sequence[Cell]) -> None:
        """Add a sheet."""
        layout = Format.chosen(self._options)
        self._sheets.append([layout.cell[0] if cell.placed.is_true_size else None for cell in cells])
        self._is_colour |= any(cell.is_colour for cell in cells)
        for number, levels in enumerate(film_cells(layout, cells, folder=self._folder), 1):
            content = BytesIO()
            Image.fromarray(levels).save(content, "PNG", compress_level=1)
            self._archive.writestr(_name(len(self._sheets), number), content.getvalue())

    def finish(self, look: Path) -> None:
        """Add how it is to be printed, and what staff look at."""
        plan = {"options": self._options, "is_colour": self._is_colour, "sheets": self._sheets}
        self._archive.writestr(PLAN, json.dumps(plan, sort_keys=True))
        self._archive.write(look, LOOK)


class Film:
    """A film order that is read. Raises BadZipFile, KeyError, ValueError, OSError where it is none."""

    def __init__(self, file: BinaryIO) -> None:
        self._archive = ZipFile(file)
        plan = json.loads(self._archive.read(PLAN))
        self.options: dict[str, Any] = plan["options"]
        self.is_colour: bool = plan["is_colour"]
        """Whether any picture has colours."""
        self._sheets: list[list[float | None]] = plan["sheets"]
        self.layout = Format.chosen(self.options)

    def __len__(self) -> int:
        return len(self._sheets)

    def sheet(self, number: int) -> Iterator[Box]:
        """The boxes of a sheet, counted from 1."""
        for at, width in enumerate(self._sheets[number - 1], 1):
            with Image.open(BytesIO(self._archive.read(_name(number, at)))) as image:
                yield Box(np.array(image), width)

    def look(self) -> BinaryIO:
        """The sheets as a PDF, to be read once from its start."""
        return cast(BinaryIO, self._archive.open(LOOK))

    @property
    def names(self) -> list[str]:
        """The members of the ZIP."""
        return self._archive.namelist()


def names_of(sheets: Sequence[int]) -> list[str]:
    """The members of a ZIP whose sheets have so many cells."""
    return [_name(sheet, cell) for sheet, cells in enumerate(sheets, 1) for cell in range(1, cells + 1)] + [PLAN, LOOK]


def new_archive(target: Path) -> ZipFile:
    """An empty one; PNGs are compressed as they are."""
    return ZipFile(target, "x", ZIP_STORED)


def _name(sheet: int, cell: int) -> str:
    return f"{sheet:03d}/{cell:02d}.png"
