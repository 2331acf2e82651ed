"""Paper: a PDF with all sheets, which the center prints and sends, and which the facility may fetch."""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from apps.catalog.models import Instance
from apps.orders.errors import OutputDiffers
from apps.orders.kinds.sheets import Sheets, advancing
from apps.orders.models import Order
from apps.orders.options import Options
from apps.orders.sheets.format import Format
from apps.orders.sheets.options import PaperOptions
from apps.orders.sheets.typesetting import page
from apps.tiers.models import Item


class Paper(Sheets):
    """Pictures in their own pixels, up to what a printer shows, 8 bits each; what is written is text."""

    suffix = ".pdf"
    content_type = "application/pdf"
    is_fetched = True
    options: type[Options] = PaperOptions
    item = Item.PAPER
    is_dark = False
    bits = 8

    def produce(self, order: Order, images: Iterable[Instance], target: Path, progress: Callable[[int], None]) -> None:
        from apps.orders.sheets.pages import Pages  # noqa: PLC0415 for who makes sheets alone, and large

        layout = Format.chosen(order.options)
        with TemporaryDirectory(dir=target.parent) as name:
            made = Pages(Path(name))
            for cells in advancing(order, self.rendered(order, images), progress):
                made.add(page(layout, cells, is_dark=self.is_dark, folder=Path(name)))
            made.save(target)

    def check(self, order: Order, images: Iterable[Instance], output: BinaryIO) -> None:
        from apps.orders.sheets.pages import read_pages, require_pictures  # noqa: PLC0415 for who makes sheets alone, and large

        try:
            with read_pages(output) as pages:
                for shown, cells in zip(pages, self.rendered(order, images), strict=True):
                    require_pictures(shown, cells)
        except ValueError as error:  # another number of pages
            raise OutputDiffers("The output cannot be read back") from error
