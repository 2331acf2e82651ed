"""What film and paper have in common: sheets of pictures, counted by the sheet and sent as a parcel."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pikepdf
from numpy.typing import NDArray

from apps.catalog.models import Instance
from apps.orders.errors import NothingToShow, OutputDiffers
from apps.orders.models import Order
from apps.orders.options import Options
from apps.orders.quoting import Counted, Extent
from apps.orders.sheets.planning import planned, sheets_needed
from apps.orders.sheets.rendering import Cell, rendered
from apps.orders.sheets.typesetting import eight_bits
from apps.tiers.models import Item


class Sheets:
    """A kind whose output is sheets."""

    options: type[Options]
    item: ClassVar[Item]
    is_dark: ClassVar[bool]
    """Whether pictures stand on black: film is clear elsewhere, and glares."""
    bits: ClassVar[int]
    """Of grey levels."""

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:
        """Every copy of every sheet, and the parcel. Raises InvalidOptions."""
        sheets = sheets_needed(extent.pictures, options) * options["copies"]
        return [Counted(self.item, Decimal(sheets)), Counted(Item.DELIVERY, Decimal(1))]

    def rendered(self, order: Order, instances: Sequence[Instance]) -> Iterator[list[Cell]]:
        """The cells of one sheet after the other. Raises NothingToShow where no picture of all of them can be shown."""
        is_any_shown = False
        for sheet in planned(order.facility_id, instances, order.options):
            cells = list(rendered(order.facility, sheet, order.options, bits=self.bits))
            is_any_shown |= any(cell.levels is not None for cell in cells)
            yield cells
        if not is_any_shown:
            raise NothingToShow("None of the images can be shown: there is nothing to print")


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


def advancing(instances: Sequence[Instance], sheets: Iterable[list[Cell]], progress: Callable[[int], None]) -> Iterator[
    list[Cell]
]:  # fmt: skip
    """The sheets, with `progress` told of what was read; about, as a sheet knows its pictures alone."""
    size = sum(each.length_bytes for each in instances)
    pictures = sum(each.has_pixel_data for each in instances) or 1
    for cells in sheets:
        yield cells
        progress(size * len(cells) // pictures)


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
