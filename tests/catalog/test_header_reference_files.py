"""Every file that pydicom tests itself with, and a second opinion on each: pydicom's."""

from dataclasses import fields
from datetime import date, time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

import pydicom
import pytest
from pydicom.datadict import keyword_dict
from pydicom.multival import MultiValue

from apps.catalog.header import BytesSource, FileSource, Header, PersonName, Unreadable, read_header
from apps.catalog.text import clean
from apps.catalog.values import date_of, time_of


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


FOLDERS = (_folder("pydicom.data"), _folder("data_store") / "data")
FILES = sorted(
    path
    for folder in FOLDERS
    for path in folder.rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc") and path.name not in ("hashes.json", "urls.json")
)
CODES = {
    "MR_truncated.dcm": "truncated",
    "rtplan_truncated.dcm": "truncated",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "truncated",
    "JPEGLSNearLossless_08.dcm": "missing_study_instance_uid",
    "JPEGLSNearLossless_16.dcm": "missing_study_instance_uid",
    "SC_rgb_jls_lossy_line.dcm": "missing_study_instance_uid",
    "SC_rgb_jls_lossy_sample.dcm": "missing_study_instance_uid",
    "UN_sequence.dcm": "missing_sop_instance_uid",
    "chrSQEncoding.dcm": "missing_sop_instance_uid",
    "chrSQEncoding1.dcm": "missing_sop_instance_uid",
    "empty_charset_LEI.dcm": "missing_sop_instance_uid",
    "meta_missing_tsyntax.dcm": "missing_sop_instance_uid",
    "nested_priv_SQ.dcm": "missing_sop_instance_uid",
    "no_meta_group_length.dcm": "missing_sop_instance_uid",
    "priv_SQ.dcm": "missing_sop_instance_uid",
    "chrJapMulti.dcm": "missing_pixel_data",
    "chrJapMultiExplicitIR6.dcm": "missing_pixel_data",
    "chrKoreanMulti.dcm": "missing_pixel_data",
    "bad_sequence.dcm": "invalid_uid",
    "no_meta.dcm": "not_dicom",  # starts one byte too late
}
OTHER_FORMATS = {".txt", ".json", ".icc", ".dump", ".gz", ".md"}
KEYWORDS = {keyword.lower(): keyword for keyword in keyword_dict}
KINDS = get_type_hints(Header)


def _code(path: Path) -> str:
    """What the file is unreadable for; '' for a good one."""
    if path.name in CODES:
        return CODES[path.name]
    if path.name.startswith("DICOMDIR"):
        return "dicomdir"
    if path.parent.name == "palettes" and path.suffix == ".dcm":  # objects of no patient and no study
        return "missing_study_instance_uid"
    if "TINY_ALPHA" in path.parts and path.name.startswith("IM"):
        return "missing_pixel_data"
    return "not_dicom" if path.suffix in OTHER_FORMATS or path.name == "README" else ""


def _in_pydicom(data_set: pydicom.Dataset, name: str) -> Any:
    """pydicom's value of a Header attribute, as the Header's type."""
    value = data_set.get(KEYWORDS[name.replace("_", "")])
    values = list(value) if isinstance(value, MultiValue) else [value]
    first, kind = values[0] if values else None, KINDS[name]
    if kind == tuple[str, ...]:
        return tuple(clean(str(text)) for text in values) if value else ()
    if kind is PersonName:
        return PersonName(
            *(clean(part) for part in (first.alphabetic, first.ideographic, first.phonetic)) if first else ()
        )
    if kind is str:
        return "" if first is None else clean(str(first))
    return _parsed(kind, first)


def _parsed(kind: Any, value: Any) -> Any:
    if value in (None, ""):
        return None
    try:
        return (
            {date | None: date_of, time | None: time_of}[kind](str(value).encode())
            if kind != int | None
            else int(value)
        )
    except ValueError:
        return None


def _differences(header: Header, data_set: pydicom.Dataset) -> dict[str, tuple[Any, Any]]:
    compared = [
        field.name
        for field in fields(Header)
        if field.name not in ("transfer_syntax_uid", "has_pixel_data", "warnings")
    ]
    pairs = {name: (getattr(header, name), _in_pydicom(data_set, name)) for name in compared}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def test_the_reference_files_are_there() -> None:
    assert sum(not _code(path) for path in FILES) > 150


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_reference_file_is_read_as_pydicom_reads_it_or_refused_with_a_reason(path: Path) -> None:
    source = BytesSource(path.read_bytes())
    if code := _code(path):
        with pytest.raises(Unreadable) as refusal:
            read_header(source)
        assert refusal.value.code == code
        assert refusal.value.is_dicom == (code not in ("not_dicom", "dicomdir"))
        return
    header = read_header(source)
    data_set = pydicom.dcmread(path, force=True, defer_size=1024)
    assert _differences(header, data_set) == {}
    assert header.has_pixel_data == any(
        keyword in data_set for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    )
    assert header.transfer_syntax_uid == data_set.file_meta.get("TransferSyntaxUID", header.transfer_syntax_uid)


def test_a_file_on_disk_reads_like_one_in_memory(tmp_path: Path) -> None:
    good = [path.read_bytes() for path in FILES if not _code(path)][:20]
    pack = tmp_path / "pack"
    pack.write_bytes(b"".join(good))
    offset = 0
    with pack.open("rb") as opened:
        for content in good:
            assert read_header(FileSource(opened.fileno(), offset, len(content))) == read_header(BytesSource(content))
            offset += len(content)
