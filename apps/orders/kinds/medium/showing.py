"""What a medium shows of an image without a DICOM program: pictures of its frames, its report; or why none."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from apps.catalog.bounds import MIB, Unreadable
from apps.catalog.bytes import open_instance
from apps.catalog.content import Content, read_content
from apps.catalog.models import Instance
from apps.catalog.preview import NotRenderable, render_preview
from apps.orders.kinds.medium.files import PIECE, Kept, Store

LONGEST_SIDE = 1280
QUALITY = 80
MOST_PIXELS = 32 * MIB
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


def shown(instance: Instance, store: Store) -> Shown:
    """What can be shown, kept in the store. A fault of the object is the reason of one; raises MissingPack."""
    if instance.sop_class_uid == ENCAPSULATED_PDF:
        return _report(instance, store)
    if not instance.has_pixel_data:
        return Shown(reason="It is no picture: a DICOM program shows it.")
    frames = range(1, (instance.number_of_frames or 1) + 1)
    step = -(-len(frames) // MOST_FRAMES)
    made: dict[int, Kept] = {}
    reason = ""
    with open_instance(instance) as file:
        for frame in frames[::step]:
            try:
                made[frame] = store.keep([_picture(file, frame)])
            except NotRenderable as fault:
                reason = fault.message
                break
    return Shown(tuple(made), tuple(made.values()), reason=reason)


def _picture(file: BinaryIO, frame: int) -> bytes:
    return render_preview(file, frame=frame, longest_side=LONGEST_SIDE, quality=QUALITY, max_pixels=MOST_PIXELS)


def _report(instance: Instance, store: Store) -> Shown:
    with suppress(Unreadable, NotRenderable), open_instance(instance) as file:
        report = store.keep(_document(read_content(file)))
        if next(iter(store.pieces(report)), b"").startswith(_PDF):
            return Shown(report=report)
    return Shown(reason="The document cannot be read out of it.")


def _document(content: Content) -> Iterator[bytes]:
    """The encapsulated document, in pieces."""
    if _DOCUMENT in content.large:
        element = content.large[_DOCUMENT]
        for at in range(element.value_at, element.end, PIECE):
            yield content.source.read_at(at, min(PIECE, element.end - at))
    elif _DOCUMENT in content.data_set:
        yield bytes(content.data_set[_DOCUMENT].value or b"")
