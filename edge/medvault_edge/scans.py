"""Scans of film and paper (TIFF, JPEG, PNG, PDF) with accompanying information become DICOM objects.

Pictures become Secondary Capture images, one for each page; PDF becomes Encapsulated PDF (PS3.3, A.8.1 and A.45.1). The
original file is kept byte for byte within: as the encapsulated document or the JPEG stream itself, else in a private
element. The same file with the same information always makes the same bytes, so that nothing is collected twice.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from PIL import Image, ImageSequence, UnidentifiedImageError
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)
from pydicom.valuerep import validate_value

from medvault_edge import VERSION
from medvault_edge.errors import EdgeError
from medvault_edge.recorded import KEYS

PICTURES = {".tif", ".tiff", ".jpg", ".jpeg", ".png"}
SCANS = PICTURES | {".pdf"}
REQUIRED = ("PatientID", "StudyDate")
MOST_PIXELS, LONGEST_FILE, LONGEST_SIDECAR = 300_000_000, 2**31, 1 << 20
PRIVATE_GROUP, PRIVATE_CREATOR = 0x0009, "MEDVAULT EDGE"
ORIGINAL, ORIGINAL_LENGTH, ORIGINAL_TYPE = 0x01, 0x02, 0x03
IMPLEMENTATION_CLASS_UID = "2.25.225898854752773155203832080754496939559"
_SPACE = UUID("5b6f3a0e-9d0c-5b7e-8a55-0e8f1b1f2c11")
_MEDIA = {".tif": "image/tiff", ".tiff": "image/tiff", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
_GROUPS = {0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040}
_TEXTS = {"UI", "PN", "LO", "SH", "CS", "DA", "TM", "DT", "AS", "ST", "LT", "IS", "DS", "AE", "UT"}
_OURS = {"SOPInstanceUID", "SOPClassUID", "SpecificCharacterSet", "InstanceNumber"}


class BadInformation(EdgeError):
    """What accompanies a scan is missing or cannot be used; names the key, never its value."""


class UnreadableScan(EdgeError):
    """The picture is broken, of another kind than its name says, or larger than can be."""


def information_of(path: Path) -> dict[str, str]:
    """What accompanies a scan: a JSON file beside it, else its row in `information.csv`. Raises BadInformation."""
    for beside in (path.with_name(f"{path.name}.json"), path.with_suffix(".json")):
        if beside.is_file():
            return _checked(_from_json(beside))
    table = path.with_name("information.csv")
    if table.is_file():
        for row in _from_csv(table):
            if row.get("file", "").strip() == path.name:
                return _checked({key: value for key, value in row.items() if key != "file"})
    raise BadInformation("scan without accompanying information")


def wrap_scan(path: Path, information: Mapping[str, str]) -> list[bytes]:
    """The DICOM files that a scan becomes. Raises UnreadableScan, BadInformation."""
    if path.stat().st_size > LONGEST_FILE:
        raise UnreadableScan("The scan is too large")
    content = path.read_bytes()
    if path.suffix.casefold() == ".pdf":
        return [_pdf(content, information)]
    try:
        return list(_pictures(content, information, _MEDIA[path.suffix.casefold()]))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise UnreadableScan("The scan cannot be read") from error


def _from_json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LONGEST_SIDECAR:
        raise BadInformation("accompanying information is too long")
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise BadInformation("accompanying information is no JSON") from error
    if not isinstance(content, dict):
        raise BadInformation("accompanying information is no JSON object")
    return {key: value for key, value in content.items() if key not in {"store", *KEYS}}


def _from_csv(path: Path) -> Iterator[dict[str, str]]:
    if path.stat().st_size > 64 * LONGEST_SIDECAR:
        raise BadInformation("accompanying information is too long")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInformation("accompanying information is no CSV in UTF-8") from error


def _checked(given: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for key, value in given.items():
        tag = tag_for_keyword(str(key))
        if tag is None or Tag(tag).group not in _GROUPS or key in _OURS:
            raise BadInformation(f"accompanying information has {str(key)[:64]!r}, which is no usable keyword")
        text = "" if value is None else str(value).strip()
        if not text:
            continue
        vr = dictionary_VR(tag)
        if vr not in _TEXTS:
            raise BadInformation(f"accompanying information has {key}, which is no text")
        try:
            validate_value(vr, text, 2)
        except ValueError as error:
            raise BadInformation(f"accompanying information has a {key} that is no value for it") from error
        found[str(key)] = text
    for key in REQUIRED:
        if key not in found:
            raise BadInformation(f"accompanying information lacks {key}")
    return found


def _pdf(content: bytes, information: Mapping[str, str]) -> bytes:
    if not content.startswith(b"%PDF-"):
        raise UnreadableScan("The file is no PDF")
    ds = _object(EncapsulatedPDFStorage, content, information, 1)
    ds.Modality = information.get("Modality", "DOC")
    ds.DocumentTitle = information.get("StudyDescription", "")
    ds.ConceptNameCodeSequence = []
    ds.BurnedInAnnotation = "YES"
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocumentLength = len(content)
    ds.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    return _written(ds, ExplicitVRLittleEndian)


def _pictures(content: bytes, information: Mapping[str, str], media_type: str) -> Iterator[bytes]:
    with Image.open(BytesIO(content)) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise UnreadableScan("The scan is too large")
        if _is_baseline(picture):
            yield _jpeg(content, picture, information)
            return
        for number, page in enumerate(ImageSequence.Iterator(picture), 1):
            original = content if number == 1 else None
            yield _page(content, page, information, number, original, media_type)


def _is_baseline(picture: Image.Image) -> bool:
    is_plain = picture.format == "JPEG" and not picture.info.get("progressive") and not picture.info.get("progression")
    return is_plain and picture.mode in {"L", "RGB"}


def _jpeg(content: bytes, picture: Image.Image, information: Mapping[str, str]) -> bytes:
    """The JPEG stream as it is."""
    ds = _capture(content, information, 1, picture)
    ds.SamplesPerPixel = len(picture.getbands())
    ds.PhotometricInterpretation = "MONOCHROME2" if picture.mode == "L" else "YBR_FULL_422"
    if ds.SamplesPerPixel > 1:
        ds.PlanarConfiguration = 0
    _depth(ds, 8)
    ds.LossyImageCompression, ds.LossyImageCompressionMethod = "01", "ISO_10918_1"
    _keep(ds, None, len(content), "image/jpeg")
    ds.PixelData = encapsulate([content])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return _written(ds, JPEGBaseline8Bit)


def _page(
    content: bytes, page: Image.Image, information: Mapping[str, str], number: int, original: bytes | None,
    media_type: str,
) -> bytes:  # fmt: skip
    ds = _capture(content, information, number, page)
    if page.mode in {"I;16", "I;16B", "I;16L", "I"}:
        pixels, depth = page.convert("I").point(lambda value: value).convert("I;16").tobytes(), 16
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    elif page.mode in {"1", "L", "LA"}:
        pixels, depth = page.convert("L").tobytes(), 8
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    else:
        pixels, depth = page.convert("RGB").tobytes(), 8
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    _depth(ds, depth)
    _keep(ds, original, len(content), media_type)
    ds.PixelData = pixels + b"\0" * (len(pixels) % 2)
    ds["PixelData"].VR = "OW" if depth == 16 else "OB"
    return _written(ds, ExplicitVRLittleEndian)


def _capture(content: bytes, information: Mapping[str, str], number: int, picture: Image.Image) -> FileDataset:
    ds = _object(SecondaryCaptureImageStorage, content, information, number)
    ds.Modality = information.get("Modality", "OT")
    ds.ConversionType = "DF"  # digitized film
    ds.Rows, ds.Columns = picture.height, picture.width
    return ds


def _depth(ds: Dataset, bits: int) -> None:
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, 0


def _keep(ds: Dataset, original: bytes | None, length: int, media_type: str) -> None:
    """Private block: the original file, unless the pixel data is it; its length, and its media type."""
    block = ds.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    if original is not None:
        block.add_new(ORIGINAL, "OB", original + b"\0" * (length % 2))
    block.add_new(ORIGINAL_LENGTH, "UL", length)
    block.add_new(ORIGINAL_TYPE, "LO", media_type)


def _object(sop_class: str, content: bytes, information: Mapping[str, str], number: int) -> FileDataset:
    canonical = json.dumps(dict(sorted(information.items())), ensure_ascii=False)
    study = information.get("StudyInstanceUID") or _uid(
        "study", *(information.get(key, "") for key in ("PatientID", "StudyDate", "AccessionNumber"))
    )
    ds = FileDataset("", {}, preamble=b"\0" * 128)
    ds.SpecificCharacterSet = "ISO_IR 192"
    for key in ("PatientName", "PatientBirthDate", "PatientSex", "StudyTime", "AccessionNumber", "StudyID",
                "ReferringPhysicianName"):  # fmt: skip
        setattr(ds, key, "")
    for key, value in information.items():
        setattr(ds, key, value)
    ds.SOPClassUID, ds.StudyInstanceUID = sop_class, study
    ds.SOPInstanceUID = _uid("instance", sha256(content).hexdigest(), canonical, str(number))
    ds.SeriesInstanceUID = information.get("SeriesInstanceUID") or _uid("series", study, str(sop_class))
    ds.SeriesNumber = information.get("SeriesNumber", "1")
    ds.InstanceNumber = str(number)
    ds.Manufacturer, ds.SoftwareVersions = "MedVault", f"medvault-edge {VERSION}"
    return ds


def _uid(*parts: str) -> UID:
    return UID(f"2.25.{uuid5(_SPACE, chr(0).join(parts)).int}")


def _written(ds: FileDataset, syntax: UID) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
