"""Pictures of a sheet, each as large as it is printed; one that cannot be shown says why.

One image at a time is held in its own size, which takes 0.9 GiB for the largest that is rendered; a sheet takes no more
than its pixels at `MOST_DENSITY`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apps.catalog.bytes import open_instance
from apps.catalog.preview import NotRenderable, Picture, picture_of
from apps.facilities.models import Facility
from apps.orders.sheets.captions import caption
from apps.orders.sheets.format import Format
from apps.orders.sheets.planning import Sheet
from apps.orders.sheets.scale import Placed, placed
from apps.orders.sheets.windows import in_words, window_of

MOST_DENSITY = 16.0
"""Pixels a mm (406 dpi), of what is printed. Larger images are made smaller, none is made larger here."""
NOWHERE = Placed(0, 0, is_true_size=False, note="")


@dataclass(frozen=True, slots=True)
class Cell:
    """A place on a sheet: `levels` as in catalog.preview.Picture, or None and the problem."""

    lines: list[str]
    placed: Placed = NOWHERE
    levels: NDArray[Any] | None = None
    bits: int = 8
    problem: str = ""

    @property
    def is_colour(self) -> bool:
        """Whether it is a picture in colours."""
        return self.levels is not None and self.levels.ndim == 3


def rendered(facility: Facility, sheet: Sheet, options: Mapping[str, Any], *, bits: int) -> Iterator[Cell]:
    """The cells of a sheet; grey levels have so many bits. Raises MissingPack, VaultUnavailable."""
    area = Format.chosen(options).area
    for shown in sheet.shown:
        window = window_of(shown.instance, options)
        try:
            with open_instance(shown.instance) as file:
                picture = picture_of(file, frame=shown.frame, window=window, bits=bits)
        except NotRenderable as error:
            yield Cell(caption(facility, sheet, shown), problem=error.message)
            continue
        shape = picture.levels.shape[0], picture.levels.shape[1]
        place = placed(shape, picture.pixel_height, picture.spacing, area, is_wanted=options["is_true_size"])
        lines = caption(facility, sheet, shown, "" if picture.is_colour else in_words(window), place.note)
        yield Cell(lines, place, _reduced(picture, place), picture.bits)


def resized(levels: NDArray[Any], size: tuple[int, int], bits: int) -> NDArray[Any]:
    """Levels in another width and height; as they are where that is theirs."""
    rows, columns = levels.shape[:2]
    if size == (columns, rows):
        return levels
    is_smaller = size[0] < columns or size[1] < rows
    method = Image.Resampling.LANCZOS if is_smaller else Image.Resampling.BICUBIC
    source = Image.fromarray(levels if levels.dtype == np.uint8 else levels.astype(np.float32))
    made = np.asarray(source.resize(size, method, reducing_gap=3.0 if is_smaller else None))
    return made if levels.dtype == np.uint8 else np.clip(np.rint(made), 0, (1 << bits) - 1).astype(np.uint16)


def _reduced(picture: Picture, place: Placed) -> NDArray[Any]:
    rows, columns = picture.levels.shape[:2]
    most = round(place.width * MOST_DENSITY), round(place.height * MOST_DENSITY)
    return resized(picture.levels, (max(1, min(columns, most[0])), max(1, min(rows, most[1]))), picture.bits)
