"""Which image goes on which medium, and under which name there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.utils.translation import gettext
from pydicom import Dataset

from apps.catalog.models import Instance
from apps.orders.errors import InvalidOptions
from apps.orders.kinds.medium.options import BLOCK, GIB, Carrier
from apps.orders.kinds.medium.showing import Shown
from apps.orders.models import Order

OF_A_FILE = 2 * BLOCK + 1024
"""What a file takes beside its content: its UDF entry, its directory records, its last block, its lines in lists."""
OF_A_MEDIUM = 4 << 20
"""For the viewer, the lists and the structures of the file systems, which grow by little."""


@dataclass(frozen=True, slots=True)
class Item:
    """An image to place. `leaf`: its directory record, unless the catalog gives it; what has none is `unlisted`."""

    instance: Instance
    shown: Shown
    leaf: Dataset | None = None
    unlisted: str = ""

    @property
    def size(self) -> int:
        """Bytes that it takes on a medium, with all that belongs to it."""
        lengths = self.instance.length_bytes + self.shown.length
        return lengths + OF_A_FILE * (1 + self.shown.count)


@dataclass(frozen=True, slots=True)
class Placed:
    """An item as the `image`th of the `series`th of the `study`th of its medium, each counted from 1."""

    item: Item
    study: int
    series: int
    image: int

    @property
    def file_id(self) -> tuple[str, ...]:
        """Its path on the medium (PS3.10, 8.2). What the DICOMDIR does not list lies apart from what it lists."""
        top = "OTHER" if self.item.unlisted else "DICOM"
        return (top, f"ST{self.study:04d}", f"SE{self.series:05d}", f"IM{self.image:06d}")

    @property
    def folder(self) -> str:
        """Where its series' pictures are."""
        return f"IHE_PDI/PICTURES/ST{self.study:04d}/SE{self.series:05d}"


@dataclass(frozen=True, slots=True)
class FileSet:
    """What one medium of an order holds, the `number`th of `count` (PS3.10, 8: a File-set)."""

    order: Order
    number: int
    count: int
    placed: Sequence[Placed]

    @property
    def name(self) -> str:
        """Of the volume and the file-set: capitals, digits and underscores."""
        return f"{self.order}_{self.number}".replace("-", "_")


def split(items: Sequence[Item], carrier: Carrier) -> list[list[Item]]:
    """The items of each medium. A study is divided only where it does not fit on one, and so is a series.

    Items come study by study, series by series. Raises InvalidOptions where one image does not fit.
    """
    require_fit(max((item.instance.length_bytes for item in items), default=0), carrier)
    if carrier.capacity is None:
        return [list(items)]
    room = carrier.capacity - OF_A_MEDIUM
    media: list[list[Item]] = [[]]
    used = 0
    for part in _parts(items, room):
        size = _size(part)
        if media[-1] and used + size > room:
            media.append([])
            used = 0
        media[-1] += part
        used += size
    return media


def require_fit(longest: int, carrier: Carrier) -> None:
    """Raises InvalidOptions for an image of so many bytes that does not fit on one medium."""
    bounds = [carrier.longest_file, carrier.capacity and carrier.capacity - OF_A_MEDIUM - 2 * OF_A_FILE]
    most = min(filter(None, bounds), default=None)
    if most is not None and longest > most:
        raise InvalidOptions(
            gettext("An image of %(gib)s GiB does not fit on this medium: choose a larger one, or a download")
            % {"gib": f"{longest / GIB:.1f}"}
        )


def placed(items: Sequence[Item]) -> Iterator[Placed]:
    """The items of one medium with their places."""
    for study, (_, of_study) in enumerate(groupby(items, key=attrgetter("instance.series.study_id")), 1):
        for series, (_, of_series) in enumerate(groupby(of_study, key=attrgetter("instance.series_id")), 1):
            for image, item in enumerate(of_series, 1):
                yield Placed(item, study, series, image)


def _parts(items: Sequence[Item], room: int) -> Iterator[list[Item]]:
    """What stays together: studies; of one that is too large its series; of one of these its images."""
    for _, of_study in groupby(items, key=attrgetter("instance.series.study_id")):
        study = list(of_study)
        if _size(study) <= room:
            yield study
            continue
        for _, of_series in groupby(study, key=attrgetter("instance.series_id")):
            series = list(of_series)
            yield from [series] if _size(series) <= room else ([item] for item in series)


def _size(items: Sequence[Item]) -> int:
    return sum(item.size for item in items)
