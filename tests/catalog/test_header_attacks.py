"""Cut, hostile and random files: only a Header or Unreadable comes out, quickly and in bounded memory."""

import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.datadict import keyword_dict
from pydicom.tag import Tag

from apps.catalog.bounds import MIB
from apps.catalog.header import BytesSource, FileSource, Header, Limits, Unreadable, read_header
from tests.catalog.dicom_bytes import (
    DEFLATED,
    DOCUMENT,
    IMAGE,
    IMPLICIT,
    ITEM_END,
    SEQUENCE_END,
    SOP_INSTANCE_UID,
    SR,
    UNDEFINED,
    data_set,
    element,
    encapsulated,
    image,
    item,
    part10,
)

MEMORY = MIB  # what Limits promises
PREAMBLE = bytes(128) + b"DICM"
KEYWORDS = {keyword.lower(): keyword for keyword in keyword_dict}
DIRECTORY = "1.2.840.10008.1.3.10"


def _refusal(content: bytes, limits: Limits | None = None) -> Unreadable:
    with pytest.raises(Unreadable) as refusal:
        read_header(BytesSource(content), limits or Limits())
    return refusal.value


def _outcome(content: bytes) -> Header | Unreadable:
    try:
        return read_header(BytesSource(content))
    except Unreadable as refusal:
        return refusal


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return part10(packer.compress(content) + packer.flush(), DEFLATED)


def _bomb(inflated_mib: int) -> bytes:
    """An image whose pixel data is zeros: a flushed block of deflate can be repeated."""
    start = data_set({tag: value for tag, value in IMAGE.items() if tag != 0x7FE00010})
    start += element(0x7FE00010, "OW", b"", length=inflated_mib * MIB)
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(16 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return part10(head + block * (inflated_mib // 16) + packer.flush(), DEFLATED)


def _report(content: bytes) -> bytes:
    return part10(data_set(DOCUMENT) + content, sop_class=SR)


def _nested(depth: int) -> bytes:
    opening = element(0x0040A730, "SQ", b"", length=UNDEFINED) + item(b"", UNDEFINED)
    return opening * depth + (ITEM_END + SEQUENCE_END) * depth


def _nested_by_length(depth: int) -> bytes:
    return b"".join(
        element(0x0040A730, "SQ", b"", length=20 * left + 8) + item(b"", 20 * left) for left in reversed(range(depth))
    )


SEQUENCES = data_set(DOCUMENT) + _nested(3) + element(0x7FE00010, "OW", bytes(8))
SMALL = {
    "native": image({0x00100010: ("PN", b"Doe^Jane"), 0x00080060: ("CS", b"CT")}),
    "implicit": part10(data_set(IMAGE, IMPLICIT), IMPLICIT),
    "encapsulated": encapsulated(item(bytes(4)), item(b"\xff\xd8\xff\xd9"), item(b"\xff\xd8\xff\xd9")),
    "deflated": _deflated(data_set(IMAGE)),
    "sequences": part10(data_set({0x00280100: ("US", b"\x10\0")}) + SEQUENCES),
}


def _assert_all_are_refused(content: bytes, cuts: Iterable[int]) -> None:
    for cut in cuts:
        refusal = _refusal(content[:cut])
        assert refusal.is_dicom == (cut >= 132), cut
        assert refusal.code.startswith(("truncated", "missing_")) or cut < 132, (cut, refusal.code)


@pytest.mark.parametrize("kind", SMALL)
def test_a_file_cut_at_any_byte_is_unreadable(kind: str) -> None:
    assert read_header(BytesSource(SMALL[kind])).sop_instance_uid == SOP_INSTANCE_UID
    _assert_all_are_refused(SMALL[kind], range(len(SMALL[kind])))


@pytest.mark.parametrize(
    "name", ["MR_small.dcm", "JPEG2000.dcm", "SC_rgb_rle_2frame.dcm", "examples_rgb_color.dcm", "eCT_Supplemental.dcm"]
)
def test_a_large_file_cut_anywhere_is_unreadable(name: str) -> None:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    content = Path(path).read_bytes()
    after_pixel_data = content.rfind(struct.pack("<HH", 0xFFFC, 0xFFFC))
    end = after_pixel_data if after_pixel_data > 0 else len(content)
    assert isinstance(_outcome(content), Header)
    _assert_all_are_refused(content, [*range(0, end, max(1, end // 500)), *range(end - 50, end)])


def test_a_report_cut_within_an_element_is_unreadable() -> None:
    start, content = _report(b""), _report(_nested(3))
    assert read_header(BytesSource(content)).sop_instance_uid == SOP_INSTANCE_UID
    _assert_all_are_refused(content, range(len(start) + 1, len(content)))


def test_a_file_that_shrinks_while_it_is_read_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(SMALL["native"][:250])
    with path.open("rb") as opened, pytest.raises(Unreadable) as refusal:
        read_header(FileSource(opened.fileno(), 0, len(SMALL["native"])))
    assert refusal.value.code == "truncated"


def test_an_image_of_four_gigabytes_is_read_without_its_pixels(tmp_path: Path) -> None:
    size = 0xFFFFFFFE
    start = part10(data_set(DOCUMENT) + element(0x7FE00010, "OW", b"", length=size))
    path = tmp_path / "large.dcm"
    with path.open("wb+") as opened:
        opened.write(start)
        opened.truncate(len(start) + size)  # a sparse file
        opened.flush()
        assert read_header(FileSource(opened.fileno(), 0, len(start) + size)).has_pixel_data
        with pytest.raises(Unreadable):
            read_header(FileSource(opened.fileno(), 0, len(start) + size - 1))


def test_an_error_of_the_disk_is_not_taken_for_a_broken_file() -> None:
    class Broken(BytesSource):
        def read_at(self, offset: int, size: int) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        read_header(Broken(SMALL["native"]))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\0", "not_dicom"),
        (bytes(5000), "not_dicom"),
        (b"%PDF-1.7\n" * 100, "not_dicom"),
        (b"PK\x03\x04" + bytes(200), "not_dicom"),
        (b"\xff\xd8\xff\xe0" + bytes(200), "not_dicom"),
        (random.Random(7).randbytes(10_000), "not_dicom"),
        (part10(element(0x00041130, "CS", b"DISC"), sop_class=DIRECTORY), "dicomdir"),
    ],
)
def test_what_is_no_dicom_image_is_told_apart_from_a_broken_one(content: bytes, code: str) -> None:
    refusal = _refusal(content)
    assert (refusal.code, refusal.is_dicom) == (code, False)


@pytest.mark.parametrize("magic", [b"MZ\x90\0", b"\x7fELF\2\1\1", b"\xcf\xfa\xed\xfe", b"#!/bin/sh\n"])
def test_an_executable_in_the_preamble_is_warned_of_and_the_file_is_read(magic: bytes) -> None:
    header = read_header(BytesSource(part10(data_set(IMAGE), preamble=magic.ljust(128, b"\0"))))
    assert header.warnings == ("preamble holds an executable",)


def test_a_picture_in_the_preamble_is_not_warned_of() -> None:
    assert not read_header(BytesSource(part10(data_set(IMAGE), preamble=b"II*\0".ljust(128, b"\0")))).warnings


@pytest.mark.parametrize("length", [0xFFFFFFF0, 0xFFFFFFFE, 0x7FFFFFFF])
def test_an_enormous_length_is_a_cut_file(length: int) -> None:
    start = data_set(DOCUMENT)
    for hostile in (
        element(0x00100020, "UN", b"", length=length),
        element(0x0040A730, "SQ", b"", length=length),
        element(0x0040A730, "SQ", item(b"", length), length=UNDEFINED),
        element(0x0040A730, "SQ", item(element(0x00100020, "UT", b"", length=length), UNDEFINED), length=UNDEFINED),
        element(0x7FE00010, "OW", b"", length=length),
        element(0x7FE00010, "OB", item(b"", length), length=UNDEFINED),
    ):
        assert _refusal(part10(start + hostile + bytes(64))).code == "truncated"
        assert _refusal(_deflated(start + hostile + bytes(64))).code == "truncated"
    assert _refusal(part10(element(0x00100020, "", b"", IMPLICIT, length=length), IMPLICIT)).code == "truncated"
    assert _refusal(PREAMBLE + element(0x00020001, "OB", b"", length=length)).code == "truncated"


@pytest.mark.parametrize("depth", [400, 100_000])
def test_deep_nesting_is_refused_where_it_must_be_walked_and_skipped_where_its_length_is_known(depth: int) -> None:
    assert _refusal(_report(_nested(depth))).code == "nested_too_deeply"
    assert read_header(BytesSource(_report(_nested_by_length(depth)))).sop_instance_uid == SOP_INSTANCE_UID


def test_nesting_up_to_the_limit_is_read() -> None:
    deepest = Limits().depth
    assert read_header(BytesSource(_report(_nested(deepest)))).sop_instance_uid == SOP_INSTANCE_UID
    assert _refusal(_report(_nested(deepest + 1))).code == "nested_too_deeply"


def test_every_other_limit_refuses() -> None:
    small = Limits(header_bytes=64 * 1024, fragments=1000, inflated_bytes=64 * 1024)
    many_elements = data_set(DOCUMENT) + element(0x00090000, "UL", bytes(4)) * 10_000
    assert _refusal(part10(many_elements), small).code == "header_too_large"
    in_sequence = element(0x0040A730, "SQ", item(many_elements, UNDEFINED), length=UNDEFINED)
    assert _refusal(part10(data_set(DOCUMENT) + in_sequence), small).code == "header_too_large"
    assert _refusal(encapsulated(*[item(b"")] * 1001), small).code == "too_many_fragments"
    assert _refusal(_deflated(many_elements), small).code == "inflates_too_far"


def test_a_damaged_deflated_data_set_is_malformed() -> None:
    content = _deflated(data_set(IMAGE))
    assert _refusal(content[:-40] + b"\xff" * 40).code in ("malformed", "truncated")
    assert _refusal(part10(b"\x07" * 100, DEFLATED)).code == "malformed"


TEXT_TAGS = [
    Tag(KEYWORDS[field.name.replace("_", "")])
    for field in fields(Header)
    if field.name.replace("_", "") in KEYWORDS and not field.name.endswith("_uid")
]


def _everywhere(value: bytes) -> dict[int, tuple[str, bytes]]:
    """An image with the same value in every attribute of Header but the UIDs."""
    return {**IMAGE, 0x00080005: ("CS", rb"\ISO 2022 IR 87"), **dict.fromkeys(TEXT_TAGS, ("UT", value))}


HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb": lambda: _bomb(2048),
    "long values": lambda: part10(data_set(_everywhere(b"A" * MIB))),
    "deflated long values": lambda: _deflated(data_set(_everywhere(b"A" * MIB))),
    "escape sequences": lambda: part10(data_set(_everywhere(b"\x1b$B\x1b(J" * 10_000))),
    "separators": lambda: part10(data_set(_everywhere(b"\\A=^" * 10_000))),
    "wide characters": lambda: part10(data_set(_everywhere(b"\x1b$B0!" + b"0!" * 10_000))),
    "nested": lambda: _report(_nested(100_000)),
    "nested by length": lambda: _report(_nested_by_length(100_000)),
    "items": lambda: _report(element(0x0040A730, "SQ", item(b"") * 100_000 + SEQUENCE_END, length=UNDEFINED)),
    "elements": lambda: _report(element(0x00100020, "LO", b"A ") * 100_000),
    "fragments": lambda: encapsulated(*[item(b"A ")] * 100_000),
    "padding": lambda: image() + bytes(8 * MIB),
    "character sets": lambda: image({0x00080005: ("UT", b"ISO 2022 IR 87\\" * 70_000)}),
    "meta information": lambda: PREAMBLE + element(0x00020010, "OB", b"1" * 8 * MIB),
    "length": lambda: _report(element(0x00100020, "UN", b"", length=0xFFFFFFF0)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_memory_stays_below_what_limits_promises(name: str) -> None:
    content = HOSTILE[name]()
    tracemalloc.start()
    try:
        _outcome(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY


def test_a_deflate_bomb_is_refused() -> None:
    bomb = _bomb(2048)
    assert len(bomb) < 3 * MIB
    assert _refusal(bomb).code == "inflates_too_far"


def test_nothing_of_a_file_is_kept_once_it_is_read() -> None:
    def read(number: int) -> None:
        padded = f"{number:08}".encode() + b" " * 8000
        changes = {0x00080020: ("DA", b"20240101" + padded[8:]), 0x00080030: ("TM", padded), 0x00080005: ("CS", padded)}
        _outcome(image(changes))

    read(0)
    tracemalloc.start()
    try:
        for number in range(300):
            read(number)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 512 * 1024


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(list(SMALL.values()))))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        removed = draw(st.sampled_from((0, 1, 2, 4, 8, 40)))
        inserted = draw(
            st.one_of(st.binary(max_size=12), st.sampled_from((b"\xff" * 4, b"\xf0\xff\xff\xff", ITEM_END)))
        )
        content[at : at + removed] = inserted
    return bytes(content)


def _assert_sound(outcome: Header | Unreadable) -> None:
    if isinstance(outcome, Unreadable):
        assert outcome.code
        assert len(outcome.message) < 200
        return
    for text in (outcome.patient_id, outcome.patient_name.alphabetic, *outcome.image_type):
        assert "\0" not in text.encode().decode()
    assert set(outcome.sop_instance_uid) <= set("0123456789.")


@settings(max_examples=300)
@given(_mutated())
def test_a_mutated_file_is_read_or_unreadable(content: bytes) -> None:
    _assert_sound(_outcome(content))


@settings(max_examples=300)
@given(st.binary(max_size=300), st.sampled_from([b"", PREAMBLE, part10(b""), part10(b"", DEFLATED), SMALL["native"]]))
def test_random_bytes_are_read_or_unreadable(noise: bytes, start: bytes) -> None:
    _assert_sound(_outcome(start + noise))
