"""DICOMDIR: what it lists (PS3.3, F.3) is compared with what the medium has (PS3.10, 8.6)."""

from collections.abc import Callable, Iterable, Iterator

from apps.catalog.bounds import MIB, Limits, Unreadable
from apps.catalog.elements import HEADER, ITEM, ITEM_END, SEQUENCE_END, Walker
from apps.catalog.sources import BytesSource
from apps.collection.media.found import Found, NotTaken, not_taken

LARGEST = 32 * MIB  # about 80,000 images without icons
LISTED = 200_000  # of one DICOMDIR
TOLD = 10_000  # of a medium; each is a row for good
_LIMITS = Limits(header_bytes=2 * LARGEST)
_AFTER_PREAMBLE = 132
_DIRECTORY_RECORD_SEQUENCE, _REFERENCED_FILE_ID = 0x00041220, 0x00041500
_OPENED = (_DIRECTORY_RECORD_SEQUENCE, ITEM, ITEM_END, SEQUENCE_END)
_ITEM_GROUP = b"\xfe\xff"
_NOT_A_NAME, _NOT_IN_A_NAME = ("", ".", ".."), set("/:\0")


def is_dicomdir(name: str) -> bool:
    """Whether a file of this name lists a medium's content."""
    return comparable(name) == "DICOMDIR"


def comparable(name: str) -> str:
    """A name as a DICOMDIR writes it: media show ISO 9660 names in lower case, with a version or a last dot."""
    return name.upper().partition(";")[0].rstrip(".")


def compared(entries: Iterable[Found], has: Callable[[tuple[str, ...]], bool]) -> Iterator[Found]:
    """The entries of a medium, each DICOMDIR followed by those that it lists and that are not to be had."""
    told: set[tuple[str, ...]] = set()
    for found in entries:
        yield found
        if is_dicomdir(found.parts[-1]) and len(told) < TOLD:
            for each in _not_to_be_had(found, has):
                if len(told) == TOLD:
                    yield not_taken(
                        found.parts, "many_missing", f"The medium lists over {TOLD} files it does not have."
                    )
                    break
                if each.parts not in told:
                    told.add(each.parts)
                    yield each


def _not_to_be_had(dicomdir: Found, has: Callable[[tuple[str, ...]], bool]) -> Iterator[Found]:
    folder = dicomdir.parts[:-1]
    try:
        for file_id in _file_ids(_content(dicomdir)):
            if any(part in _NOT_A_NAME or set(part) & _NOT_IN_A_NAME for part in file_id):
                yield not_taken((*folder, *file_id), "outside_medium", "The DICOMDIR names a file outside the medium.")
            elif not has((*folder, *file_id)):
                message = "The DICOMDIR lists a file that the medium does not have."
                yield not_taken((*folder, *file_id), "missing_on_medium", message)
    except Unreadable:
        yield not_taken(dicomdir.parts, "dicomdir_unreadable", "The DICOMDIR is damaged or too large to be compared.")
    except NotTaken:
        return  # reading it as a file says so


def _content(dicomdir: Found) -> bytes:
    content = bytearray()
    for piece in dicomdir.read():
        content += piece
        if len(content) > LARGEST:
            raise Unreadable("too_large", f"The DICOMDIR exceeds {LARGEST} bytes.")
    return bytes(content)


def _file_ids(content: bytes) -> Iterator[tuple[str, ...]]:
    """Referenced File IDs, split into their components, in the order of the records. Raises Unreadable."""
    if content[128:_AFTER_PREAMBLE] != b"DICM":
        raise Unreadable("not_dicom", "The DICOMDIR has no DICM at byte 128.")
    walker, offset, listed = Walker(BytesSource(content), _LIMITS), _AFTER_PREAMBLE, 0
    while walker.length - offset >= HEADER:
        is_item = walker.peek(offset, 2) == _ITEM_GROUP
        tag, vr, length, value_at = walker.element(offset, implicit=is_item)
        if tag in _OPENED:  # the one sequence and its items are walked as if they were flat
            offset = value_at
            continue
        offset = walker.following(tag, vr, length, value_at, implicit=False)
        if tag == _REFERENCED_FILE_ID and length:
            listed += 1
            if listed > LISTED:
                raise Unreadable("too_large", f"The DICOMDIR lists more than {LISTED} files.")
            raw = walker.value(tag, value_at, length).raw
            yield tuple(part.strip(" \0") for part in raw.decode("utf-8", "surrogateescape").split("\\"))
