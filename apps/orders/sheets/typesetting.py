"""Sheets as pages: of a PDF, as a picture for the screen, and each cell as a film printer takes it."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apps.core.documents import drawn, page_of
from apps.orders.sheets.format import CAPTION, CAPTION_GAP, GAP, MARGIN, Format
from apps.orders.sheets.rendering import MOST_DENSITY, Cell, resized

TEMPLATE = Path(__file__).with_name("sheet.typ")
LEAST_DENSITY = 8.0
"""Pixels a mm (203 dpi) of a cell of film, so that what is written can be read. Smaller images are enlarged to it."""
FILM_BITS = 12


def page(layout: Format, cells: Sequence[Cell], *, is_dark: bool, folder: Path) -> bytes:
    """A sheet as a PDF with its pictures in their own pixels. `folder` is for what passes through."""
    return page_of(TEMPLATE, _told(layout, cells, _kept(cells, folder), is_dark=is_dark), folder=folder)


def small_page(layout: Format, cells: Sequence[Cell], *, is_dark: bool, folder: Path, longest_side: int) -> bytes:
    """A sheet as a PNG for the screen."""
    told = _told(layout, cells, _kept(cells, folder), is_dark=is_dark)
    [made] = drawn(TEMPLATE, told, folder=folder, pixels_per_mm=longest_side / max(layout.page))
    return made


def film_cells(layout: Format, cells: Sequence[Cell], *, folder: Path) -> Iterator[NDArray[Any]]:
    """Each cell with what is written on it: grey levels of `FILM_BITS`, or colours of 8 bits; all of one size."""
    density = _density(cells)
    size = round(layout.cell[0] * density), round(layout.cell[1] * density)
    told = _told(layout, cells, [None] * len(cells), is_dark=True) | {"apart": True}
    for cell, written in zip(cells, drawn(TEMPLATE, told, folder=folder, pixels_per_mm=density), strict=True):
        yield _composed(layout, cell, _written(written, size, cell), density)


def eight_bits(cell: Cell) -> NDArray[Any]:
    """The levels of a cell that has a picture as pages show them."""
    assert cell.levels is not None
    return cell.levels if cell.bits == 8 else (cell.levels >> (cell.bits - 8)).astype(np.uint8)


def _density(cells: Sequence[Cell]) -> float:
    """That of the finest picture, which is printed pixel by pixel, within what can be read and what is bearable."""
    own = [float(cell.levels.shape[1]) / cell.placed.width for cell in cells if cell.levels is not None]
    return min(MOST_DENSITY, max([LEAST_DENSITY, *own]))


def _written(png: bytes, size: tuple[int, int], cell: Cell) -> NDArray[Any]:
    """White on black, in the levels of the cell."""
    with Image.open(BytesIO(png)) as image:
        drawing = image.convert("RGB" if cell.is_colour else "L").crop((0, 0, *size))
    levels = np.array(drawing)
    if cell.is_colour:
        return levels
    return ((levels.astype(np.uint32) * ((1 << FILM_BITS) - 1) + 127) // 255).astype(np.uint16)


def _composed(layout: Format, cell: Cell, canvas: NDArray[Any], density: float) -> NDArray[Any]:
    if cell.levels is None:
        return canvas
    width, height = round(cell.placed.width * density), round(cell.placed.height * density)
    picture = resized(cell.levels, (max(1, width), max(1, height)), cell.bits)
    left = max(0, (canvas.shape[1] - picture.shape[1]) // 2)
    top = max(0, (round(layout.area[1] * density) - picture.shape[0]) // 2)
    place = canvas[top : top + picture.shape[0], left : left + picture.shape[1]]
    place[:] = picture[: place.shape[0], : place.shape[1]]
    return canvas


def _kept(cells: Sequence[Cell], folder: Path) -> list[str | None]:
    """The pictures as files of the folder, in 8 bits; their names."""
    names: list[str | None] = []
    for number, cell in enumerate(cells):
        names.append(None)
        if cell.levels is not None:
            names[-1] = f"{number}.png"
            Image.fromarray(eight_bits(cell)).save(folder / f"{number}.png", compress_level=1)
    return names


def _told(layout: Format, cells: Sequence[Cell], pictures: Sequence[str | None], *, is_dark: bool) -> dict[str, Any]:
    return {
        "apart": False,
        "dark": is_dark,
        "page": layout.page,
        "cell": layout.cell,
        "rows": layout.rows,
        "columns": layout.columns,
        "margin": MARGIN,
        "gap": GAP,
        "caption": CAPTION,
        "caption-gap": CAPTION_GAP,
        "cells": [
            {
                "lines": cell.lines,
                "problem": cell.problem,
                "picture": picture,
                "width": cell.placed.width,
                "height": cell.placed.height,
            }
            for cell, picture in zip(cells, pictures, strict=True)
        ],
    }
