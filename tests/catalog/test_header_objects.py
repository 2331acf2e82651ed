"""Kinds of objects: images of every encoding, and objects that have no pixel data."""

import zlib

import pytest

from apps.catalog.header import BytesSource, Unreadable, read_header
from tests.catalog.dicom_bytes import (
    BIG_ENDIAN,
    DEFLATED,
    DOCUMENT,
    EXPLICIT,
    IMAGE,
    IMPLICIT,
    ITEM_END,
    JPEG,
    PDF,
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

PIXEL_DATA, FLOAT_PIXEL_DATA = 0x7FE00010, 0x7FE00008
NO_TABLE = item(b"")


def _code(content: bytes) -> str:
    with pytest.raises(Unreadable) as refusal:
        read_header(BytesSource(content))
    assert refusal.value.is_dicom
    return refusal.value.code


def _sequence(tag: int, *items: bytes) -> bytes:
    return element(tag, "SQ", b"".join(items) + SEQUENCE_END, length=UNDEFINED)


def _open_item(content: bytes) -> bytes:
    return item(content + ITEM_END, UNDEFINED)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
@pytest.mark.parametrize("has_meta", [True, False])
def test_an_image_is_read_in_every_native_syntax_with_or_without_meta_information(syntax: str, has_meta: bool) -> None:
    content = data_set(IMAGE, syntax)
    header = read_header(BytesSource(part10(content, syntax) if has_meta else content))
    assert (header.transfer_syntax_uid, header.sop_instance_uid) == (syntax, SOP_INSTANCE_UID)
    assert header.has_pixel_data
    assert bool(header.warnings) != has_meta


@pytest.mark.parametrize("syntax", ["1.2.840.113619.5.2", EXPLICIT])
def test_an_implicit_data_set_is_recognised_under_another_syntax(syntax: str) -> None:
    header = read_header(BytesSource(part10(data_set(IMAGE, IMPLICIT), syntax)))
    assert header.transfer_syntax_uid == syntax
    assert header.warnings == ("data set is implicit VR against its TransferSyntaxUID",)


@pytest.mark.parametrize("length", [66, 0x41, 0x5A, 0x5A5A])
def test_an_implicit_element_in_an_explicit_data_set_is_passed_unless_its_length_spells_a_vr(length: int) -> None:
    stray = element(0x00091010, "", b"\1" * length, IMPLICIT)
    content = part10(data_set(DOCUMENT)[:18] + stray + data_set(DOCUMENT)[18:], sop_class=SR)
    if length == 0x5A5A:
        assert _code(content)
    else:
        assert read_header(BytesSource(content)).sop_instance_uid == SOP_INSTANCE_UID


def test_an_unknown_vr_is_passed() -> None:
    content = part10(element(0x00080001, "ZZ", b"AB") + data_set(IMAGE))
    assert read_header(BytesSource(content)).sop_instance_uid == SOP_INSTANCE_UID


@pytest.mark.parametrize(
    "items",
    [
        (NO_TABLE, item(b"\xff\xd8")),
        (item(bytes(8)), item(b"\xff\xd8"), item(b"\xff\xd9")),
        (NO_TABLE, item(b""), item(b"\xff\xd8")),
        (NO_TABLE, *[item(bytes(100))] * 5000),
    ],
)
def test_encapsulated_pixel_data_is_followed_to_its_end(items: tuple[bytes, ...]) -> None:
    header = read_header(BytesSource(encapsulated(*items)))
    assert header.has_pixel_data
    assert header.transfer_syntax_uid == JPEG


@pytest.mark.parametrize("items", [(), (NO_TABLE,), (item(bytes(8)),), (NO_TABLE, item(b""))])
def test_encapsulated_pixel_data_without_a_frame_is_no_pixel_data(items: tuple[bytes, ...]) -> None:
    assert _code(encapsulated(*items)) == "missing_pixel_data"


@pytest.mark.parametrize("stray", [ITEM_END, element(0x00100010, "PN", b"A "), item(b"", UNDEFINED)])
def test_anything_but_fragments_in_encapsulated_pixel_data_is_malformed(stray: bytes) -> None:
    assert _code(encapsulated(NO_TABLE, stray)) == "malformed"


def test_an_encapsulated_image_that_does_not_name_its_compression_has_no_transfer_syntax() -> None:
    content = encapsulated(NO_TABLE, item(b"\xff\xd8"))
    start = content.index(b"\x08\0\x16\0UI")
    header = read_header(BytesSource(content[start:]))
    assert header.has_pixel_data
    assert header.transfer_syntax_uid == ""
    assert "TransferSyntaxUID is missing" in header.warnings


@pytest.mark.parametrize("pixels", [{}, {PIXEL_DATA: ("OW", b"")}])
def test_an_image_without_pixel_data_is_refused(pixels: dict[int, tuple[str, bytes]]) -> None:
    elements = {tag: value for tag, value in IMAGE.items() if tag != PIXEL_DATA}
    assert _code(part10(data_set({**elements, **pixels}))) == "missing_pixel_data"


def test_the_pixel_data_may_be_elsewhere() -> None:
    elements = {tag: value for tag, value in IMAGE.items() if tag != PIXEL_DATA}
    url = {0x00287FE0: ("UR", b"https://example.org/pixels")}
    assert not read_header(BytesSource(part10(data_set({**elements, **url})))).has_pixel_data


def test_a_parametric_map_has_float_pixel_data() -> None:
    elements = {tag: value for tag, value in IMAGE.items() if tag != PIXEL_DATA} | {FLOAT_PIXEL_DATA: ("OF", bytes(16))}
    assert read_header(BytesSource(part10(data_set(elements)))).has_pixel_data


def test_a_multi_frame_image_tells_its_frames() -> None:
    assert read_header(BytesSource(image({0x00280008: ("IS", b"120 ")}))).number_of_frames == 120


@pytest.mark.parametrize("frames", [1, 400])
def test_an_enhanced_image_is_read_through_its_functional_groups(frames: int) -> None:
    plane = _sequence(0x00209113, _open_item(element(0x00200032, "DS", b"0\\0\\1 ")))
    groups = _sequence(0x52009230, *[_open_item(plane + element(0x00089215, "SQ", b""))] * frames)
    changes = data_set({tag: value for tag, value in IMAGE.items() if tag != PIXEL_DATA})
    header = read_header(BytesSource(part10(changes + groups + element(PIXEL_DATA, "OW", bytes(8)))))
    assert header.has_pixel_data


def test_values_inside_sequences_are_not_those_of_the_instance() -> None:
    referenced = data_set({0x00080018: ("UI", b"9.9.9\0"), 0x00100020: ("LO", b"OTHER ")})
    for sequence in (
        _sequence(0x52009230, _open_item(referenced)),
        _sequence(0x52009230, item(referenced)),
        element(0x52009230, "SQ", item(referenced)),
        element(0x52009230, "UN", item(data_set(DOCUMENT, IMPLICIT)) + SEQUENCE_END, length=UNDEFINED),
    ):
        header = read_header(BytesSource(part10(data_set(DOCUMENT) + sequence, sop_class=SR)))
        assert (header.sop_instance_uid, header.patient_id) == (SOP_INSTANCE_UID, "")


def test_an_icon_is_not_the_pixel_data_of_an_image() -> None:
    icon = _sequence(0x00880200, _open_item(data_set({PIXEL_DATA: ("OW", bytes(8))})))
    compressed = element(PIXEL_DATA, "OB", NO_TABLE + item(b"\xff\xd8") + SEQUENCE_END, length=UNDEFINED)
    elements = data_set({tag: value for tag, value in IMAGE.items() if tag != PIXEL_DATA})
    for content in (icon, _sequence(0x00880200, _open_item(compressed))):
        assert _code(part10(elements + content)) == "missing_pixel_data"


@pytest.mark.parametrize(
    ("sop_class", "content"),
    [
        (SR, _sequence(0x0040A730, _open_item(element(0x0040A160, "UT", b"No finding")))),
        ("1.2.840.10008.5.1.4.1.1.88.59", element(0x0040A730, "SQ", item(element(0x0040A040, "CS", b"IMAGE ")))),
        (PDF, element(0x00420010, "ST", rb"Report 1\2 ") + element(0x00420011, "OB", b"%PDF-1.7")),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", _sequence(0x54000100, _open_item(element(0x54001010, "OW", bytes(100))))),
        ("1.2.840.10008.5.1.4.1.1.481.3", _sequence(0x30060020, item(element(0x30060022, "IS", b"1 ")))),
        ("1.2.840.10008.5.1.4.1.1.481.5", _sequence(0x300A00B0, item(b""))),
        ("1.2.840.10008.5.1.4.1.1.481.2", _sequence(0x30040050, item(b""))),
        ("1.2.840.10008.5.1.4.1.1.11.1", _sequence(0x00700001, item(b""))),
    ],
    ids=["SR", "KO", "PDF", "ECG", "RTSTRUCT", "RTPLAN", "RTDOSE with histograms only", "PR"],
)
def test_an_object_without_pixel_data_is_read(sop_class: str, content: bytes) -> None:
    elements = data_set({0x00080016: ("UI", sop_class.encode() + b"\0" * (len(sop_class) % 2)), **DOCUMENT})
    header = read_header(BytesSource(part10(elements + content, sop_class=sop_class)))
    assert (header.sop_class_uid, header.has_pixel_data, header.warnings) == (sop_class, False, ())
    assert header.document_title == ("Report 1\\2" if sop_class == PDF else "")


@pytest.mark.parametrize(
    ("trailer", "warnings"),
    [(b"", ()), (b"\0", ()), (b"\x1f\x8b\x08\x11" * 2, ("bytes follow the deflated data set",))],
)
def test_a_deflated_data_set_is_inflated(trailer: bytes, warnings: tuple[str, ...]) -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = packer.compress(data_set(IMAGE)) + packer.flush()
    header = read_header(BytesSource(part10(deflated + trailer, DEFLATED)))
    assert (header.sop_instance_uid, header.has_pixel_data, header.warnings) == (SOP_INSTANCE_UID, True, warnings)


@pytest.mark.parametrize("padding", [b"\0", bytes(5000), element(0xFFFCFFFC, "OB", bytes(100))])
def test_padding_after_the_data_set_is_accepted(padding: bytes) -> None:
    assert read_header(BytesSource(image() + padding)).has_pixel_data


@pytest.mark.parametrize("garbage", [b"\n", b"garbage of more than eight bytes", ITEM_END, SEQUENCE_END])
def test_other_bytes_after_the_data_set_are_refused(garbage: bytes) -> None:
    assert _code(image() + garbage) in ("truncated", "malformed")
