"""Scans become DICOM objects that hold the original file."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from medvault_edge.scans import BadInformation, UnreadableScan, information_of, wrap_scan
from PIL import Image
from pydicom.encaps import generate_frames

from apps.catalog.models import Instance, Study
from apps.collection.models import Terminal
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.edge.conftest import Edge, at_the_center
from tests.edge.test_story import VISIT

INFORMATION = {"PatientID": "F-1", "PatientName": "Yamada^Tarou=山田^太郎", "StudyDate": "19990401", "Modality": "CR"}


def picture(path: Path, mode: str = "L", **options: object) -> Path:
    made = Image.new(mode, (40, 30), 77 if mode in {"L", "I;16"} else (10, 200, 30))
    made.putpixel((3, 4), 255 if mode in {"L", "I;16"} else (255, 0, 0))
    made.save(path, **options)  # type: ignore[arg-type]
    return path


def read(content: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(BytesIO(content))


@pytest.mark.parametrize(
    ("name", "mode", "bits", "samples"),
    [("a.tif", "L", 8, 1), ("a.tiff", "I;16", 16, 1), ("a.png", "RGB", 8, 3), ("a.png", "L", 8, 1)],
)
def test_a_picture_keeps_its_pixels_and_its_file(tmp_path: Path, name: str, mode: str, bits: int, samples: int) -> None:
    path = picture(tmp_path / name, mode)
    [content] = wrap_scan(path, INFORMATION)
    ds = read(content)
    assert ds.SOPClassUID.name == "Secondary Capture Image Storage"
    assert (ds.BitsAllocated, ds.SamplesPerPixel, ds.pixel_array.shape[:2]) == (bits, samples, (30, 40))
    with Image.open(path) as original:
        assert np.array_equal(ds.pixel_array, np.array(original))
    block = ds.private_block(0x0009, "MEDVAULT EDGE")
    assert block[0x01].value[: block[0x02].value] == path.read_bytes()
    assert str(ds.PatientName) == INFORMATION["PatientName"]


def test_a_baseline_jpeg_travels_as_it_is(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", "RGB")
    [content] = wrap_scan(path, INFORMATION)
    ds = read(content)
    assert ds.file_meta.TransferSyntaxUID.name == "JPEG Baseline (Process 1)"
    [frame] = generate_frames(ds.PixelData, number_of_frames=1)
    length = ds.private_block(0x0009, "MEDVAULT EDGE")[0x02].value
    assert frame[:length] == path.read_bytes()


def test_a_progressive_jpeg_is_decoded_and_kept(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", "RGB", progressive=True)
    ds = read(wrap_scan(path, INFORMATION)[0])
    assert ds.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
    assert ds.private_block(0x0009, "MEDVAULT EDGE")[0x01].value.startswith(path.read_bytes())


def test_every_page_of_a_tiff_is_an_image_of_one_series(tmp_path: Path) -> None:
    pages = [Image.new("L", (8, 8), value) for value in (1, 2, 3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    made = [read(content) for content in wrap_scan(tmp_path / "a.tif", INFORMATION)]
    assert [ds.pixel_array[0, 0] for ds in made] == [1, 2, 3]
    assert len({ds.SeriesInstanceUID for ds in made}) == 1
    assert len({ds.SOPInstanceUID for ds in made}) == 3


def test_a_pdf_is_encapsulated(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4 odd")
    ds = read(wrap_scan(path, INFORMATION)[0])
    assert ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength] == path.read_bytes()
    assert ds.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_the_same_scan_makes_the_same_bytes(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    assert wrap_scan(path, INFORMATION) == wrap_scan(path, INFORMATION)
    assert wrap_scan(path, INFORMATION) != wrap_scan(path, INFORMATION | {"PatientID": "F-2"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"PatientID": "1"}, "StudyDate"),
        ({"StudyDate": "19990101"}, "PatientID"),
        (INFORMATION | {"Shoe": "44"}, "Shoe"),
        (INFORMATION | {"PixelData": "x"}, "PixelData"),
        (INFORMATION | {"StudyDate": "yesterday"}, "StudyDate"),
        (INFORMATION | {"StudyInstanceUID": "../../x"}, "StudyInstanceUID"),
    ],
)
def test_information_that_cannot_be_used_is_named_without_its_value(
    tmp_path: Path, given: dict[str, str], told: str
) -> None:
    path = picture(tmp_path / "a.png")
    path.with_name("a.png.json").write_text(json.dumps(given))
    with pytest.raises(BadInformation, match=told) as error:
        information_of(path)
    assert not any(len(value) > 3 and value in str(error.value) for value in given.values())


def test_information_comes_from_json_or_a_row_of_csv(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    with pytest.raises(BadInformation):
        information_of(path)
    (tmp_path / "information.csv").write_text(
        "file,PatientID,PatientName,StudyDate\nb.png,2,X,20000101\na.png,1,山田,19990101\n", "utf-8"
    )
    assert information_of(path) == {"PatientID": "1", "PatientName": "山田", "StudyDate": "19990101"}
    path.with_suffix(".json").write_text(json.dumps(INFORMATION), "utf-8")
    assert information_of(path) == INFORMATION


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.pdf"])
def test_a_broken_scan_is_unreadable(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(UnreadableScan):
        wrap_scan(path, INFORMATION)


@pytest.mark.usefixtures("committed_db")
def test_film_scans_are_stored_at_the_center_and_pruned_with_it(
    collector: Edge, terminal: Terminal, tmp_path: Path, sakura: Facility
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in ("1.tif", "2.png", "3.jpg"):
        picture(folder / name).with_name(f"{name}.json").write_text(json.dumps(INFORMATION), "utf-8")
    (folder / "4.png").write_bytes(b"broken")
    collected = collector.run("collect", folder, *VISIT)
    assert (collected["files"], collected["left"]) == (3, {"unreadable": 1})
    assert collector.run("collect", folder, *VISIT)["files"] == 0
    collector.run("handover")
    at_the_center()
    collector.run("handover")
    with as_facility(sakura):
        assert Instance.objects.count() == 3
        [study] = Study.objects.select_related("patient")
        assert study.patient.name_ideographic == "山田^太郎"
    assert collector.run("prune", folder, "--facility", "sakura", "--yes")["files"] == 3
    assert sorted(path.name for path in folder.glob("*.*") if path.suffix != ".json") == ["4.png"]
