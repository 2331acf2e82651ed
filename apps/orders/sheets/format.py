"""How pictures are laid out on a sheet. Pure: what was chosen in, lengths in mm out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.utils.translation import gettext_lazy as _

INCH = 25.4
SIZES = {  # Film Size ID (PS3.3 C.13.3): width and height in mm, upright
    "8INX10IN": (8 * INCH, 10 * INCH),
    "10INX12IN": (10 * INCH, 12 * INCH),
    "11INX14IN": (11 * INCH, 14 * INCH),
    "14INX14IN": (14 * INCH, 14 * INCH),
    "14INX17IN": (14 * INCH, 17 * INCH),
    "A4": (210.0, 297.0),
    "A3": (297.0, 420.0),
}
SIZE_NAMES = {
    "8INX10IN": _("8 x 10 in (20 x 25 cm)"),
    "10INX12IN": _("10 x 12 in (25 x 30 cm)"),
    "11INX14IN": _("11 x 14 in (28 x 35 cm)"),
    "14INX14IN": _("14 x 14 in (35 x 35 cm)"),
    "14INX17IN": _("14 x 17 in (35 x 43 cm)"),
    "A4": "A4",
    "A3": "A3",
}
LAYOUTS = ("1x1", "1x2", "2x1", "2x2", "2x3", "3x2", "3x3", "3x4", "4x3", "4x4", "4x5", "5x4", "5x6")
"""Rows and columns."""
PORTRAIT, LANDSCAPE = "portrait", "landscape"
MARGIN, GAP = 8.0, 3.0
CAPTION = 10.0
"""Height of what is written below a picture; it is made to fit."""
CAPTION_GAP = 1.0


@dataclass(frozen=True, slots=True)
class Format:
    """A size and orientation of sheet, divided into cells. Lengths are in mm."""

    size_id: str
    orientation: str
    rows: int
    columns: int

    @classmethod
    def chosen(cls, options: Mapping[str, Any]) -> Self:
        """Of the options of an order."""
        rows, columns = map(int, options["layout"].split("x"))
        return cls(options["size"], options["orientation"], rows, columns)

    @property
    def cells(self) -> int:
        """How many there are on a sheet."""
        return self.rows * self.columns

    @property
    def page(self) -> tuple[float, float]:
        """Width and height."""
        upright = SIZES[self.size_id]
        return upright if self.orientation == PORTRAIT else (upright[1], upright[0])

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height, with what is written."""
        width, height = self.page
        return (
            (width - 2 * MARGIN - (self.columns - 1) * GAP) / self.columns,
            (height - 2 * MARGIN - (self.rows - 1) * GAP) / self.rows,
        )

    @property
    def area(self) -> tuple[float, float]:
        """Width and height that a cell has for the picture alone."""
        width, height = self.cell
        return width, height - CAPTION - CAPTION_GAP
