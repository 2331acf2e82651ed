"""What film and paper have in common: sheets of pictures, counted by the sheet and sent as a parcel."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from apps.catalog.models import Instance
from apps.orders.errors import NothingToShow
from apps.orders.models import Order
from apps.orders.options import Options
from apps.orders.quoting import Counted, Extent
from apps.orders.sheets.planning import planned, sheets_needed
from apps.orders.sheets.rendering import Cell, rendered
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

    def rendered(self, order: Order, images: Iterable[Instance]) -> Iterator[list[Cell]]:
        """The cells of one sheet after the other. Raises NothingToShow where no picture of all of them can be shown."""
        is_any_shown = False
        for sheet in planned(order.facility_id, images, order.options):
            cells = list(rendered(order.facility, sheet, order.options, bits=self.bits))
            is_any_shown |= any(cell.levels is not None for cell in cells)
            yield cells
        if not is_any_shown:
            raise NothingToShow(_("None of the images can be shown: there is nothing to print"))


def advancing(order: Order, sheets: Iterable[list[Cell]], progress: Callable[[int], None]) -> Iterator[list[Cell]]:
    """The sheets, with `progress` told of what was read; about, as a sheet knows its pictures alone."""
    for cells in sheets:
        yield cells
        progress(order.size_bytes * len(cells) // max(order.instance_count, 1))
