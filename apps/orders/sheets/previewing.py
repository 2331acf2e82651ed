"""How a sheet will look, before it is ordered: small pictures that are kept, laid out as they will be printed."""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from apps.catalog.bytes import open_instance
from apps.catalog.preview import NotRenderable, Spacing, render_preview, spacing_of
from apps.catalog.preview_cache import kept_preview
from apps.facilities.models import Facility
from apps.orders.sheets.captions import caption
from apps.orders.sheets.format import Format
from apps.orders.sheets.planning import Sheet, Shown
from apps.orders.sheets.rendering import Cell
from apps.orders.sheets.scale import placed
from apps.orders.sheets.typesetting import small_page
from apps.orders.sheets.windows import GIVEN, Window, in_words, window_of
from apps.vault.spool import passing_folder

PICTURE_SIDE = 512
MOST_PIXELS = 32 * 1024 * 1024


def sheet_preview(
    facility: Facility, sheet: Sheet, options: Mapping[str, Any], *, is_dark: bool, longest_side: int
) -> bytes:
    """A PNG of the sheet. Raises MissingPack, VaultUnavailable."""
    layout = Format.chosen(options)
    cells = list(_cells(facility, sheet, options, layout))
    with passing_folder() as folder:
        return small_page(layout, cells, is_dark=is_dark, folder=folder, longest_side=longest_side)


def sheet_tag(facility: Facility, sheet: Sheet, options: Mapping[str, Any]) -> str:
    """What tells the sheet from every other one: its pictures, how they are laid out, and what is written."""
    pictures = [[bytes(each.instance.sha256).hex(), each.frame, caption(facility, sheet, each)] for each in sheet.shown]
    return sha256(json.dumps([pictures, dict(options)], sort_keys=True).encode()).hexdigest()[:24]


def _cells(facility: Facility, sheet: Sheet, options: Mapping[str, Any], layout: Format) -> Iterator[Cell]:
    for shown in sheet.shown:
        window = window_of(shown.instance, options)
        try:
            picture = np.asarray(Image.open(BytesIO(_small(shown, window, options))))
            spacing = _spacing(shown) if options["is_true_size"] else None
        except NotRenderable as error:
            yield Cell(caption(facility, sheet, shown), problem=error.message)
            continue
        rows, columns = shown.instance.rows or picture.shape[0], shown.instance.columns or picture.shape[1]
        oblong = picture.shape[0] / picture.shape[1] * columns / rows
        place = placed((rows, columns), oblong, spacing, layout.area, is_wanted=options["is_true_size"])
        lines = caption(facility, sheet, shown, "" if picture.ndim == 3 else in_words(window), place.note)
        yield Cell(lines, place, picture)


def _small(shown: Shown, window: Window | None, options: Mapping[str, Any]) -> bytes:
    """As it was kept or as it is made now; not kept where a window was given, of which there are as many as numbers."""

    def render() -> bytes:
        with open_instance(shown.instance) as file:
            return render_preview(
                file, frame=shown.frame, longest_side=PICTURE_SIDE, window=window, max_pixels=MOST_PIXELS
            )

    is_given = options["window"] == GIVEN
    return render() if is_given else kept_preview(shown.instance, f"sheet-{shown.frame}-{options['window']}", render)


def _spacing(shown: Shown) -> Spacing | None:
    with open_instance(shown.instance) as file:
        return spacing_of(file, frame=shown.frame)
