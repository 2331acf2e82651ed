"""What a medium shows of an image without a DICOM program: pictures of its frames, its report; or why none."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from django.utils.translation import gettext

from apps.catalog.bounds import MIB, Unreadable
from apps.catalog.bytes import open_instance
from apps.catalog.content import Content, read_content
from apps.catalog.models import Instance
from apps.catalog.preview import NotRenderable, render_preview
from apps.orders.kinds.medium.files import PIECE, Kept, Store

LONGEST_SIDE = 1280
QUALITY = 80
MOST_PIXELS = 32 * MIB
CORES = min(4, os.cpu_count() or 1)
MOST_FRAMES = 300
"""Pictures of one object; of a longer one, frames at equal distances."""
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_DOCUMENT = 0x00420011
_PDF = b"%PDF-"


@dataclass(frozen=True, slots=True)
class Shown:
    """Pictures with the frames they are of; a report as PDF; why there is neither."""

    frames: tuple[int, ...] = ()
    pictures: tuple[Kept, ...] = ()
    report: Kept | None = None
    reason: str = ""

    @property
    def length(self) -> int:
        """Bytes that it takes on a medium."""
        return sum(each.length for each in (*self.pictures, *filter(None, [self.report])))

    @property
    def count(self) -> int:
        """Files that it takes."""
        return len(self.pictures) + (self.report is not None)


def shown(instances: Iterable[Instance], store: Store) -> Iterator[tuple[Instance, Shown]]:
    """What can be shown of each, kept in the store. A fault of an object is the reason of one; raises MissingPack.

    Pictures are made a few ahead by all cores: to make them takes longer than to write the medium.
    """
    with ThreadPoolExecutor(CORES) as pool:
        faults: dict[int, str] = {}
        made = _ahead(pool, _frames(instances, faults))
        for instance, of_instance in groupby(made, key=itemgetter(0)):
            pictures: dict[int, Kept] = {}
            for _, frame, picture in of_instance:
                try:
                    if frame and instance.pk not in faults:
                        pictures[frame] = store.keep([picture.result()])
                except NotRenderable as fault:
                    faults[instance.pk] = fault.message
            if instance.sop_class_uid == ENCAPSULATED_PDF:
                yield instance, _report(instance, store)
            elif not instance.has_pixel_data:
                yield instance, Shown(reason=gettext("It is no picture: a DICOM program shows it."))
            else:
                yield instance, Shown(tuple(pictures), tuple(pictures.values()), reason=faults.pop(instance.pk, ""))


def _frames(instances: Iterable[Instance], faults: Mapping[int, str]) -> Iterator[tuple[Instance, int]]:
    """The frames to show, counted from 1; 0 for an object without a picture. None after one that gave a fault."""
    for instance in instances:
        if not instance.has_pixel_data or instance.sop_class_uid == ENCAPSULATED_PDF:
            yield instance, 0
            continue
        frames = range(1, (instance.number_of_frames or 1) + 1)
        for frame in frames[:: -(-len(frames) // MOST_FRAMES)]:
            if instance.pk not in faults:
                yield instance, frame


def _ahead(
    pool: ThreadPoolExecutor, wanted: Iterable[tuple[Instance, int]]
) -> Iterator[tuple[Instance, int, "Future[bytes]"]]:
    """Pictures on their way, in order; no more at once than the cores make soon."""
    waiting: deque[tuple[Instance, int, Future[bytes]]] = deque()
    for instance, frame in wanted:
        waiting.append((instance, frame, pool.submit(_picture, instance, frame)))
        if len(waiting) > 2 * CORES:
            yield waiting.popleft()
    yield from waiting


def _picture(instance: Instance, frame: int) -> bytes:
    """Empty for frame 0."""
    if not frame:
        return b""
    with open_instance(instance) as file:
        return render_preview(file, frame=frame, longest_side=LONGEST_SIDE, quality=QUALITY, max_pixels=MOST_PIXELS)


def _report(instance: Instance, store: Store) -> Shown:
    with suppress(Unreadable, NotRenderable), open_instance(instance) as file:
        report = store.keep(_document(read_content(file)))
        if next(iter(store.pieces(report)), b"").startswith(_PDF):
            return Shown(report=report)
    return Shown(reason=gettext("The document cannot be read out of it."))


def _document(content: Content) -> Iterator[bytes]:
    """The encapsulated document, in pieces."""
    if _DOCUMENT in content.large:
        element = content.large[_DOCUMENT]
        for at in range(element.value_at, element.end, PIECE):
            yield content.source.read_at(at, min(PIECE, element.end - at))
    elif _DOCUMENT in content.data_set:
        yield bytes(content.data_set[_DOCUMENT].value or b"")
