"""Values that are absent, malformed, hostile or too long: the file is read, the value is not trusted."""

from datetime import date, time

import pytest

from apps.catalog.header import BytesSource, Header, Limits, PersonName, Unreadable, read_header
from apps.catalog.values import count_of, date_of, integer_of, time_of
from tests.catalog.dicom_bytes import BIG_ENDIAN, IMAGE, IMPLICIT, Elements, data_set, image, part10

STUDY_DATE, STUDY_TIME, PATIENT_NAME, PATIENT_ID = 0x00080020, 0x00080030, 0x00100010, 0x00100020
SERIES_NUMBER, NUMBER_OF_FRAMES, ROWS = 0x00200011, 0x00280008, 0x00280010
STUDY_DESCRIPTION, MODALITY, IMAGE_TYPE, OTHER_PATIENT_IDS = 0x00081030, 0x00080060, 0x00080008, 0x00101000


def _read(changes: Elements | None = None, limits: Limits | None = None) -> Header:
    return read_header(BytesSource(image(changes)), limits or Limits())


def test_what_is_absent_is_empty_and_needs_no_warning() -> None:
    header = _read()
    assert (header.patient_id, header.study_date, header.patient_name, header.image_type) == (
        "",
        None,
        PersonName(),
        (),
    )
    assert header.warnings == ()


def test_what_is_empty_is_like_absent() -> None:
    empty = {STUDY_DATE: ("DA", b""), PATIENT_NAME: ("PN", b""), IMAGE_TYPE: ("CS", b""), SERIES_NUMBER: ("IS", b"  ")}
    assert _read(empty) == _read()


@pytest.mark.parametrize(
    ("tag", "vr", "raw", "attribute", "warning"),
    [
        (STUDY_DATE, "DA", b"99999999", "study_date", "StudyDate is not a date"),
        (STUDY_DATE, "DA", b"20230229", "study_date", "StudyDate is not a date"),
        (STUDY_DATE, "DA", b"00000000", "study_date", "StudyDate is not a date"),
        (STUDY_TIME, "TM", b"250000", "study_time", "StudyTime is not a time"),
        (SERIES_NUMBER, "IS", b"9" * 11 + b" ", "series_number", "SeriesNumber is not an integer"),
        (SERIES_NUMBER, "IS", b"1.5 ", "series_number", "SeriesNumber is not an integer"),
        (NUMBER_OF_FRAMES, "IS", b"-3", "number_of_frames", "NumberOfFrames is not a count"),
        (ROWS, "US", b"\1\0\2", "rows", "Rows is not an unsigned short"),
    ],
)
def test_junk_is_none_with_a_warning_that_does_not_quote_it(
    tag: int, vr: str, raw: bytes, attribute: str, warning: str
) -> None:
    header = _read({tag: (vr, raw)})
    assert getattr(header, attribute) is None
    assert header.warnings == (warning,)


def test_html_in_a_name_is_kept_as_text() -> None:
    assert _read({PATIENT_NAME: ("PN", b"<script>alert(1)</script>^A")}).patient_name.alphabetic == (
        "<script>alert(1)</script>^A"
    )


def test_nul_bytes_are_taken_out_of_text() -> None:
    header = _read({PATIENT_ID: ("LO", b"A\x0017\0\0"), PATIENT_NAME: ("PN", b"Do\0e^Jane\0")})
    assert (header.patient_id, header.patient_name.alphabetic) == ("A17", "Doe^Jane")


@pytest.mark.parametrize(
    ("tag", "vr", "attribute", "kept"),
    [(STUDY_DESCRIPTION, "LO", "study_description", 256), (MODALITY, "CS", "modality", 16)],
)
@pytest.mark.parametrize("length", [300, 9000, 65534])
def test_text_beyond_its_column_is_cut_with_one_warning(
    tag: int, vr: str, attribute: str, kept: int, length: int
) -> None:
    header = _read({tag: (vr, b"A" * length)})
    assert getattr(header, attribute) == "A" * kept
    assert len(header.warnings) == 1
    assert header.warnings[0].endswith("is too long and was cut")


def test_thousands_of_long_values_give_one_warning() -> None:
    header = _read({IMAGE_TYPE: ("CS", b"\\".join([b"A" * 70] * 900))})
    assert set(header.image_type) == {"A" * 64, header.image_type[-1]}
    assert header.warnings == ("ImageType is too long and was cut",)


def test_the_first_of_several_values_counts_where_one_is_meant() -> None:
    header = _read(
        {STUDY_DESCRIPTION: ("LO", rb"Head\Neck "), SERIES_NUMBER: ("IS", rb"3\4 "), ROWS: ("US", b"\1\0\2\0")}
    )
    assert (header.study_description, header.series_number, header.rows) == ("Head", 3, 1)


def test_all_of_several_values_count_where_several_are_meant() -> None:
    header = _read({IMAGE_TYPE: ("CS", rb"ORIGINAL\PRIMARY"), OTHER_PATIENT_IDS: ("LO", rb"1\2\3 ")})
    assert header.image_type == ("ORIGINAL", "PRIMARY")
    assert header.other_patient_ids == ("1", "2", "3")


def test_the_last_of_a_repeated_element_counts() -> None:
    content = data_set({PATIENT_ID: ("LO", b"OLD ")}) + data_set({**IMAGE, PATIENT_ID: ("LO", b"NEW ")})
    assert read_header(BytesSource(part10(content))).patient_id == "NEW"


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG_ENDIAN])
def test_integers_are_read_in_the_byte_order_of_the_file(syntax: str) -> None:
    rows = b"\2\0" if syntax == BIG_ENDIAN else b"\0\2"
    header = read_header(BytesSource(part10(data_set({**IMAGE, ROWS: ("US", rows)}, syntax), syntax)))
    assert header.rows == 512
    assert header.transfer_syntax_uid == syntax


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"20240229", date(2024, 2, 29)),
        (b"2024.02.29", date(2024, 2, 29)),
        (b"20240229 ", date(2024, 2, 29)),
        (b"\0", None),
    ],
)
def test_dates(raw: bytes, expected: date | None) -> None:
    assert date_of(raw) == expected


@pytest.mark.parametrize(
    "raw", [b"2024.0229", b"2024-02-29", b"202402", b"2024022", "２０２４０２２９".encode(), b"TODAY"]
)
def test_no_dates(raw: bytes) -> None:
    with pytest.raises(ValueError, match="no date"):
        date_of(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"07", time(7)),
        (b"0727", time(7, 27)),
        (b"07:27:30", time(7, 27, 30)),
        (b"072730.5", time(7, 27, 30, 500_000)),
        (b"072730.1234567", time(7, 27, 30, 123_456)),
        (b"235960", time(23, 59, 59)),
        (b"", None),
    ],
)
def test_times(raw: bytes, expected: time | None) -> None:
    assert time_of(raw) == expected


def test_integers_and_counts() -> None:
    assert [integer_of(raw) for raw in (b"+7", b"-7 ", b"7.0", b"7.", b"")] == [7, -7, 7, 7, None]
    assert [count_of(raw) for raw in (b"0", b"12 ", b"")] == [0, 12, None]


@pytest.mark.parametrize("tag", [0x00080016, 0x00080018, 0x0020000D, 0x0020000E])
@pytest.mark.parametrize(
    "uid", [b"../../x ", b"1.2/../3", b"1.2\\1.3 ", b"1.2\0.3", b".1.2", "१.२".encode(), b"1" * 66]
)
def test_a_uid_that_could_be_a_path_is_refused(tag: int, uid: bytes) -> None:
    with pytest.raises(Unreadable) as refusal:
        _read({tag: ("UI", uid)})
    assert (refusal.value.code, refusal.value.is_dicom) == ("invalid_uid", True)
    assert uid.decode("latin-1").strip("\0 ") not in refusal.value.message


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (0x00080018, "missing_sop_instance_uid"),
        (0x0020000D, "missing_study_instance_uid"),
        (0x0020000E, "missing_series_instance_uid"),
    ],
)
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_file_without_an_identifier_is_refused(tag: int, code: str, is_empty: bool) -> None:
    elements = {t: value for t, value in IMAGE.items() if t != tag} | ({tag: ("UI", b"")} if is_empty else {})
    with pytest.raises(Unreadable) as refusal:
        read_header(BytesSource(part10(data_set(elements))))
    assert refusal.value.code == code


def test_a_missing_sop_class_is_taken_from_the_meta_information() -> None:
    elements = {tag: value for tag, value in IMAGE.items() if tag != 0x00080016}
    header = read_header(BytesSource(part10(data_set(elements), sop_class="1.2.840.10008.5.1.4.1.1.4")))
    assert header.sop_class_uid == "1.2.840.10008.5.1.4.1.1.4"
    assert header.warnings == ("SOPClassUID is missing",)
