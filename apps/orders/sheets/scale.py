"""How large a picture becomes on its sheet, in mm. Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.catalog.preview import Spacing

AT_DETECTOR = "ImagerPixelSpacing"


@dataclass(frozen=True, slots=True)
class Placed:
    """Width and height in mm, whether they are those of what was imaged, and what is to be said of it."""

    width: float
    height: float
    is_true_size: bool
    note: str


def placed(
    shape: tuple[int, int], pixel_height: float, spacing: Spacing | None, area: tuple[float, float], *, is_wanted: bool
) -> Placed:
    """A picture of rows and columns in an area; `is_wanted`: at true size, where it is known and the area has room."""
    rows, columns = shape
    note = ""
    if is_wanted and spacing is None:
        note = _("not true size: the image does not tell its own")
    elif is_wanted and spacing is not None:
        keyword, of_rows, of_columns = spacing
        width, height = columns * of_columns, rows * of_rows
        if width <= area[0] and height <= area[1]:
            note = _("true size at the detector") if keyword == AT_DETECTOR else _("true size")
            return Placed(width, height, is_true_size=True, note=note)
        note = _("not true size: there is no room for it")
    factor = min(area[0] / columns, area[1] / (rows * pixel_height))
    return Placed(columns * factor, rows * pixel_height * factor, is_true_size=False, note=note)
