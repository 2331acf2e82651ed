"""Names and text in the character sets of PS3.3 C.12.1.1.2, with the examples of PS3.5 annexes H, I, J and K."""

import codecs

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.charset import CODES_TO_ENCODINGS
from pydicom.data import get_charset_files

from apps.catalog.header import BytesSource, PersonName, read_header
from apps.catalog.text import (
    LONGEST_NAME_PART,
    PERSON_NAME_RESETS,
    TEXT_RESETS,
    character_set,
    clean,
    decode,
    person_name,
)
from tests.catalog.dicom_bytes import EXPLICIT, IMPLICIT, element, image

NAMES = {
    # PS3.5 H.3.1: Kanji and Hiragana by code extension
    rb"\ISO 2022 IR 87": (
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        PersonName("Yamada^Tarou", "山田^太郎", "やまだ^たろう"),
    ),
    # PS3.5 H.3.2: half-width Katakana first
    rb"ISO 2022 IR 13\ISO 2022 IR 87": (
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        PersonName("ﾔﾏﾀﾞ^ﾀﾛｳ", "山田^太郎", "やまだ^たろう"),
    ),
    # supplementary Kanji
    rb"\ISO 2022 IR 87\ISO 2022 IR 159": (
        b"Tei^Ken=\x1b$(DbG\x1b(B^\x1b$B7r\x1b(B",
        PersonName("Tei^Ken", "鄧^健"),
    ),
    b"ISO_IR 13": (b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", PersonName("ﾔﾏﾀﾞ^ﾀﾛｳ")),
    # PS3.5 I.2
    rb"\ISO 2022 IR 149": (
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        PersonName("Hong^Gildong", "洪^吉洞", "홍^길동"),
    ),
    # PS3.5 J.1 to J.4, K.2
    b"ISO_IR 192": ("Wang^XiaoDong=王^小東=".encode(), PersonName("Wang^XiaoDong", "王^小東")),
    b"GB18030": ("Wang^XiaoDong=王^小东=".encode("gb18030"), PersonName("Wang^XiaoDong", "王^小东")),
    b"GBK": ("Wang^XiaoDong=王^小东=".encode("gbk"), PersonName("Wang^XiaoDong", "王^小东")),
    rb"\ISO 2022 IR 58": (
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        PersonName("Zhang^XiaoDong", "张^小东"),
    ),
    b"ISO_IR 127": (b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", PersonName("قباني^لنزار")),
    b"ISO_IR 126": (b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", PersonName("Διονυσιος")),
    b"ISO_IR 144": (b"\xbb\xee\xdace\xdc\xd1yp\xd3", PersonName("Люкceмбypг")),  # with four Latin letters
    b"ISO_IR 138": (b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", PersonName("שרון^דבורה")),
    b"ISO_IR 100": (b"Buc^J\xe9r\xf4me", PersonName("Buc^Jérôme")),
    b"ISO_IR 101": ("Wałęsa".encode("iso8859_2"), PersonName("Wałęsa")),
    b"ISO_IR 148": ("Çavuşoğlu".encode("iso8859_9"), PersonName("Çavuşoğlu")),
    b"ISO_IR 166": ("นามสกุล".encode("iso8859_11"), PersonName("นามสกุล")),
    rb"ISO 2022 IR 100\ISO 2022 IR 144": (
        b"Buc^J\xe9r\xf4me=\x1b-L" + "Жером".encode("iso8859_5"),
        PersonName("Buc^Jérôme", "Жером"),
    ),
}


@pytest.mark.parametrize("declared", NAMES, ids=lambda declared: declared.decode())
def test_a_name_is_read_in_its_character_set(declared: bytes) -> None:
    raw, expected = NAMES[declared]
    assert person_name(raw, character_set(declared)) == (expected, "", False)


@pytest.mark.parametrize("declared", NAMES, ids=lambda declared: declared.decode())
def test_a_name_in_a_file_is_read_in_its_character_set(declared: bytes) -> None:
    raw, expected = NAMES[declared]
    header = read_header(BytesSource(image({0x00080005: ("CS", declared), 0x00100010: ("PN", raw)})))
    assert header.patient_name == expected
    assert header.warnings == ()


@pytest.mark.parametrize(
    "path",
    sorted(path for path in get_charset_files("*.dcm") if "SQEncoding" not in path),
    ids=lambda path: path.rpartition("/")[2],
)
def test_the_names_of_reference_files_are_those_pydicom_reads(path: str) -> None:
    data_set = pydicom.dcmread(path)
    with open(path, "rb") as opened:  # some come without the pixels of their image
        content = opened.read()
    syntax = IMPLICIT if data_set.file_meta.TransferSyntaxUID.is_implicit_VR else EXPLICIT
    header = read_header(BytesSource(content + element(0x7FE00010, "OW", bytes(2), syntax)))
    name = data_set.PatientName
    assert header.patient_name == PersonName(
        *(clean(part) for part in (name.alphabetic, name.ideographic, name.phonetic))
    )
    assert not [warning for warning in header.warnings if "decoded" in warning]


def test_a_line_of_text_returns_to_the_first_character_set_after_each_delimiter() -> None:
    charset = character_set(rb"ISO 2022 IR 100\ISO 2022 IR 126")
    assert decode(b"\x1b-F\xe1\xe2\r\n\xe9\\\xe8", charset, TEXT_RESETS) == ("αβ\r\né\\è", "")


def test_backslash_caret_and_equals_inside_of_characters_separate_nothing() -> None:
    for encoding, declared, text in (
        ("gbk", b"GBK", "誠乗乚"),
        ("gb18030", b"GB18030", "誠乗乚"),
        ("shift_jis", b"ISO_IR 13", "ソ表構"),
    ):
        raw = text.encode(encoding)
        assert set(raw) & set(b"\\^")
        assert person_name(raw, character_set(declared))[0].alphabetic == text


@pytest.mark.parametrize("declared", [b"ISO-IR 100", b"ISO_IR_100", b"ISO IR 100", b"ISO_IR 100 ", b"ISO_IR 100\0"])
def test_a_misspelled_character_set_is_known(declared: bytes) -> None:
    charset = character_set(declared)
    assert charset.is_known
    assert charset.terms == ("ISO_IR 100",)


def test_an_unknown_character_set_keeps_ascii_and_warns() -> None:
    header = read_header(BytesSource(image({0x00080005: ("CS", b"KLINGON "), 0x00100010: ("PN", b"Doe^J\xf6rg")})))
    assert header.patient_name == PersonName("Doe^Jörg")
    assert header.warnings == ("SpecificCharacterSet is unknown", "PatientName could not be decoded as ISO_IR 6")


def test_bytes_that_are_not_in_the_declared_character_set_are_replaced_and_warned_of() -> None:
    header = read_header(BytesSource(image({0x00080005: ("CS", b"ISO_IR 192"), 0x00100010: ("PN", b"Doe^J\xf6rg")})))
    assert header.patient_name == PersonName("Doe^J\ufffdrg")
    assert header.warnings == ("PatientName could not be decoded as ISO_IR 192",)


def test_bytes_beyond_ascii_without_a_character_set_are_kept_and_warned_of() -> None:
    header = read_header(BytesSource(image({0x00100020: ("LO", b"\xc4-17")})))
    assert header.patient_id == "Ä-17"
    assert header.warnings == ("PatientID could not be decoded as ISO_IR 6",)


def test_a_long_declaration_of_character_sets_is_cut_and_unknown() -> None:
    charset = character_set(b"ISO_IR 100\\" * 5000)
    assert not charset.is_known
    assert len(charset.terms) < 30


def test_every_escape_sequence_has_a_codec_and_a_term() -> None:
    charset = character_set(b"")
    for code, encoding in CODES_TO_ENCODINGS.items():
        assert codecs.lookup(encoding)
        assert decode(code + b"AA", charset, TEXT_RESETS)[0]


def test_an_unknown_escape_sequence_is_warned_of() -> None:
    assert decode(b"A\x1b%XB", character_set(b"ISO_IR 100"), TEXT_RESETS)[1] == "ISO_IR 100"


def test_control_characters_go_and_line_breaks_become_spaces() -> None:
    assert clean(" a\0b\x1bc\x85\x7f\r\nd ") == "abc  d"


def test_a_name_beyond_the_column_is_cut() -> None:
    name, _, is_cut = person_name(b"A" * 300 + b"=" + b"B" * 256, character_set(b""))
    assert is_cut
    assert name == PersonName("A" * LONGEST_NAME_PART, "B" * LONGEST_NAME_PART)


def test_only_the_first_of_several_names_counts() -> None:
    assert person_name(rb"One^A=x\Two^B", character_set(b""))[0] == PersonName("One^A", "x")


@settings(max_examples=300)
@given(st.binary(max_size=200), st.sampled_from([*NAMES, b"", b"nonsense", b"\xff\\\xff"]))
def test_any_bytes_in_any_character_set_are_text_that_postgresql_stores(raw: bytes, declared: bytes) -> None:
    charset = character_set(declared)
    name, _, _ = person_name(raw, charset)
    texts = (clean(decode(raw, charset, TEXT_RESETS)[0]), name.alphabetic, name.ideographic, name.phonetic)
    for text in texts:
        assert "\0" not in text
        text.encode()  # no surrogates


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from([*CODES_TO_ENCODINGS, b"^", b"=", b"\\", b"\x1b", b"\xb1\xe6", b"0!", b"A"]), max_size=30)
)
def test_any_mixture_of_escape_sequences_is_decoded(parts: list[bytes]) -> None:
    text, _ = decode(b"".join(parts), character_set(rb"\ISO 2022 IR 87\ISO 2022 IR 149"), PERSON_NAME_RESETS)
    clean(text).encode()
