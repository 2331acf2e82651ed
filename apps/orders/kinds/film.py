"""Film: what a film printer is sent, sheet by sheet (docs/orders.md); it is printed before it is dispatched."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO
from zipfile import BadZipFile

import numpy as np

from apps.catalog.models import Instance
from apps.orders.errors import OutputDiffers
from apps.orders.kinds.sheets import Sheets, advancing
from apps.orders.models import Order
from apps.orders.options import Options
from apps.orders.sheets.film_file import Film as FilmFile
from apps.orders.sheets.film_file import FilmWriter, names_of, new_archive
from apps.orders.sheets.format import Format
from apps.orders.sheets.options import FilmOptions
from apps.orders.sheets.typesetting import FILM_BITS, film_cells, page
from apps.tiers.models import Item
from apps.vault.spool import passing_folder


class Film(Sheets):
    """The facility fetches nothing: it gets the film."""

    suffix = ".zip"
    content_type = "application/zip"
    is_fetched = False
    options: type[Options] = FilmOptions
    item = Item.FILM
    is_dark = True
    bits = FILM_BITS

    def produce(self, order: Order, images: Iterable[Instance], target: Path, progress: Callable[[int], None]) -> None:
        from apps.orders.sheets.pages import Pages  # noqa: PLC0415 for who makes sheets alone, and large

        layout = Format.chosen(order.options)
        with TemporaryDirectory(dir=target.parent) as name, new_archive(target) as archive:
            folder = Path(name)
            look, film = Pages(folder), FilmWriter(archive, order.options, folder)
            for cells in advancing(order, self.rendered(order, images), progress):
                film.add(cells)
                look.add(page(layout, cells, is_dark=self.is_dark, folder=folder))
            look.save(folder / "look.pdf")
            film.finish(folder / "look.pdf")

    def check(self, order: Order, images: Iterable[Instance], output: BinaryIO) -> None:
        from apps.orders.sheets.pages import read_pages, require_pictures  # noqa: PLC0415 for who makes sheets alone, and large

        layout, counts = Format.chosen(order.options), []
        try:
            film = FilmFile(output)
            with passing_folder() as folder, read_pages(_copied(film.look(), folder / "look.pdf")) as look:
                for number, cells in enumerate(self.rendered(order, images), 1):
                    anew = film_cells(layout, cells, folder=folder)
                    for box, levels in zip(film.sheet(number), anew, strict=True):
                        if not np.array_equal(box.levels, levels):
                            raise OutputDiffers(f"Sheet {number} of the output is not what is stored")
                    require_pictures(look[number - 1], cells)
                    counts.append(len(cells))
        except (BadZipFile, KeyError, IndexError, ValueError) as error:
            raise OutputDiffers("The output cannot be read back") from error
        if film.names != names_of(counts) or film.options != order.options:
            raise OutputDiffers("The output does not hold what was ordered")


def _copied(source: BinaryIO, target: Path) -> Path:
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    return target
