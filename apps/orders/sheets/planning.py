"""Which pictures go on which sheet. A sheet is of one study: it never shows two patients."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext as _

from apps.catalog.models import Instance, Study
from apps.orders.errors import InvalidOptions
from apps.orders.quoting import Pictures
from apps.orders.sheets.format import Format

ALL_FRAMES, FIRST_FRAME, MIDDLE_FRAME = "all", "first", "middle"
MOST_SHEETS = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame of an image, counted from 1."""

    instance: Instance
    frame: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is on one, from left to right and from top to bottom; `number` of `count` that its study takes."""

    study: Study
    number: int
    count: int
    shown: Sequence[Shown]


def sheets_needed(pictures: Iterable[Pictures], options: Mapping[str, Any]) -> int:
    """Raises InvalidOptions where there is nothing to show, or too much."""
    cells = Format.chosen(options).cells
    sheets = sum(-(-_wanted(each, options) // cells) for each in pictures)
    if not sheets:
        raise InvalidOptions(_("Nothing of this is a picture: there is nothing to print"))
    _require_bearable(sheets)
    return sheets


def planned(facility_id: int, instances: Iterable[Instance], options: Mapping[str, Any]) -> Iterator[Sheet]:
    """The sheets of images that come study by study. What has no pixels is not a picture. Raises InvalidOptions where
    they are too many.
    """
    cells, every, made = Format.chosen(options).cells, int(options["every"]), 0
    for study_id, of_study in groupby(instances, key=attrgetter("series.study_id")):
        shown = list(islice(_shown(of_study, options), 0, (MOST_SHEETS * cells + 1) * every, every))
        count = -(-len(shown) // cells)
        made += count
        _require_bearable(made)
        if shown:
            study = Study.objects.select_related("patient").get(facility_id=facility_id, pk=study_id)
            for number, start in enumerate(range(0, len(shown), cells), 1):
                yield Sheet(study, number, count, shown[start : start + cells])


def _require_bearable(sheets: int) -> None:
    if sheets > MOST_SHEETS:
        raise InvalidOptions(
            _("An order has %(most)d sheets at the most, and this would be more: make two") % {"most": MOST_SHEETS}
        )


def _wanted(pictures: Pictures, options: Mapping[str, Any]) -> int:
    count = pictures.frames if options["frames"] == ALL_FRAMES else pictures.images
    return -(-count // int(options["every"]))


def _shown(instances: Iterable[Instance], options: Mapping[str, Any]) -> Iterator[Shown]:
    for instance in instances:
        frames = max(1, instance.number_of_frames or 1)
        if not instance.has_pixel_data:
            continue
        if options["frames"] == ALL_FRAMES:
            yield from (Shown(instance, frame) for frame in range(1, frames + 1))
        else:
            yield Shown(instance, 1 if options["frames"] == FIRST_FRAME else (frames + 1) // 2)
