"""Metadata and bulk data, as viewers read them before they load an image."""

import json
from io import BytesIO
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from apps.facilities.models import Facility
from tests.catalog.preview_objects import changed, reference_file
from tests.dicomweb.answers import content, parts_of
from tests.dicomweb.conftest import paths

CT = reference_file("CT_small.dcm")
OCTETS = "application/octet-stream"
LARGE = bytes(range(256)) * 9


def full(data_set: Dataset) -> None:
    """Large values at the top and in a sequence, one that is no number, a name in kanji."""
    item = Dataset()
    item.add_new(0x00091001, "OB", LARGE)
    data_set.RequestAttributesSequence = [Dataset(), item]
    data_set.add_new(0x00091010, "OB", LARGE[::-1])
    data_set.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    data_set.PatientName = "Yamada^Tarou=山田^太郎"
    data_set.add_new(0x00189073, "FD", float("nan"))


def read(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, content(answer)
    assert answer["Content-Type"] == "application/dicom+json"
    found: list[dict[str, Any]] = json.loads(content(answer), parse_constant=lambda name: 1 / 0)
    return found


def test_all_attributes_at_every_level_and_large_values_by_address(get: Any, store: Any, sakura: Facility) -> None:
    file = changed("CT_small.dcm", full)
    store(sakura, file)
    (path,) = paths(sakura)
    (found,) = read(get(f"{path}/metadata"))
    for above in (path.partition("/series")[0], path.partition("/instances")[0]):
        assert read(get(f"{above}/metadata", Accept="application/dicom+json")) == [found]
    root = f"http://testserver/f/sakura/dicom-web{path}/bulkdata"
    assert found["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert found["00100010"]["Value"] == [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]
    assert found["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]
    assert found["00189073"] == {"vr": "FD", "Value": ["nan"]}
    assert found["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{root}/7FE00010"}
    assert found["00400275"]["Value"][1]["00091001"] == {"vr": "OB", "BulkDataURI": f"{root}/00400275/2/00091001"}
    data_set = pydicom.dcmread(BytesIO(file))
    assert set(found) == {f"{tag:08X}" for tag in data_set.keys() if tag.element and tag < 0xFFFC0000} | {"00083002"}  # noqa: SIM118
    for tag, value in {"7FE00010": data_set.PixelData, "00091010": LARGE[::-1], "00400275/2/00091001": LARGE}.items():
        url = f"{path}/bulkdata/{tag}"
        assert parts_of(get(url)) == [value]
        assert content(get(url, Accept=OCTETS)) == value
        assert content(get(url, Accept=OCTETS, Range="bytes=5-9")) == value[5:10]


def test_metadata_is_not_sent_again_to_who_has_it(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, CT)
    url = paths(sakura)[0].partition("/series")[0] + "/metadata"
    etag = get(url)["ETag"]
    assert get(url, If_None_Match=etag).status_code == 304
    store(sakura, changed("CT_small.dcm", lambda data_set: setattr(data_set, "SOPInstanceUID", "1.2.3")))
    assert len(read(get(url, If_None_Match=etag))) == 2


def test_a_deflated_and_a_compressed_instance(get: Any, store: Any, sakura: Facility) -> None:
    def deflate(data_set: Dataset) -> None:
        data_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    store(sakura, changed("CT_small.dcm", deflate))
    store(sakura, reference_file("JPEG2000.dcm"))
    deflated, compressed = paths(sakura)
    assert read(get(f"{deflated}/metadata"))[0]["7FE00010"]["vr"] == "OW"
    pixels = pydicom.dcmread(BytesIO(CT)).PixelData
    assert parts_of(get(f"{deflated}/bulkdata/7FE00010")) == [pixels]
    assert parts_of(get(f"{compressed}/bulkdata/7FE00010")) == parts_of(get(f"{compressed}/frames/1"))


def test_sequences_too_deep_to_read_leave_the_uids(get: Any, store: Any, sakura: Facility) -> None:
    nested = b""
    for _ in range(3000):
        item = b"\xfe\xff\x00\xe0" + len(nested).to_bytes(4, "little") + nested
        nested = b"\x40\x00\x75\x02SQ\0\0" + len(item).to_bytes(4, "little") + item
    at = CT.index(b"\xe0\x7f\x10\x00")
    store(sakura, CT[:at] + nested + CT[at:])
    (path,) = paths(sakura)
    (found,) = read(get(f"{path}/metadata"))
    assert found["00080018"]["Value"] == [path.rpartition("/")[2]]


def test_what_is_not_there_and_what_is_not_understood(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, CT)
    (path,) = paths(sakura)
    expected = {
        "00091010": 404, "00100010": 404, "00400275/1/00091001": 404, "PixelData": 400, "7FE00010/x": 400,
        "../../..": 404,
    }  # fmt: skip
    for tag, status in expected.items():
        assert get(f"{path}/bulkdata/{tag}").status_code in {status, 400}, tag
    assert get(f"{path}/bulkdata/7FE00010", Accept="image/gif").status_code == 406
    for accept in ("text/html", 'multipart/related; type="application/dicom+xml"'):
        assert get(f"{path}/metadata", Accept=accept).status_code == 406
    assert get(f"{path}.9/metadata").content == get(f"{path}.9/bulkdata/7FE00010").content
