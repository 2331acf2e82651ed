"""Invented CT slices, encoded once and told apart by their identifiers: thousands of files a second."""

import io
import re
import time
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

PER_STUDY = 100
ROOT = "1.2.826.0.1.3680043.8.498"
FIRST_DAY = date(2024, 1, 15)
_MARK = "9876543210"  # replaced in place; ten digits as every number that takes its place


def _identifiers(run: str, study: int, number: int) -> dict[str, str]:
    return {
        "PatientID": f"BENCH{run}{study:08d}",
        "StudyDate": f"{FIRST_DAY + timedelta(days=study % 1000):%Y%m%d}",
        "StudyInstanceUID": f"{ROOT}.{run}.1.{10**9 + study}",
        "SeriesInstanceUID": f"{ROOT}.{run}.2.{10**9 + study}",
        "SOPInstanceUID": f"{ROOT}.{run}.3.{10**9 + number}",
    }


class Slices:
    """Files of `side` by `side` pixels; every call of `take` goes on where the last one ended."""

    def __init__(self, side: int, per_study: int = PER_STUDY) -> None:
        self._per_study = per_study
        self._run = f"{time.time_ns() // 1000 % 10**10:010d}"
        self._run = "1" + self._run[1:]
        self._next = 0
        pixels = np.random.default_rng(side).normal(1000, 40, (side, side)).astype("<i2")
        ds = _header(side, 1)
        for keyword, value in _identifiers(_MARK, 87654321, 76543210).items():
            setattr(ds, keyword, value)
        ds.PixelData = pixels.tobytes()
        ds["PixelData"].VR = "OW"
        self._encoded = _encoded(ds)
        head = self._encoded[: len(self._encoded) - pixels.nbytes]
        self._spots = [
            (match.start(), keyword)
            for keyword, value in _identifiers(_MARK, 87654321, 76543210).items()
            for match in re.finditer(re.escape(value.encode()), head)
        ]

    @property
    def nbytes(self) -> int:
        return len(self._encoded)

    def patient(self, study: int) -> str:
        """PatientID of a study, by its number."""
        return _identifiers(self._run, study, 0)["PatientID"]

    def take(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            values = _identifiers(self._run, self._next // self._per_study, self._next)
            file = bytearray(self._encoded)
            for offset, keyword in self._spots:
                value = values[keyword].encode()
                file[offset : offset + len(value)] = value
            self._next += 1
            yield bytes(file)


def big_object(frames: int) -> tuple[bytes, bytes, int]:
    """Head, one frame (2 MiB) and count of a multi-frame object that is sent without being held."""
    ds = _header(1024, frames)
    for keyword, value in _identifiers(f"{time.time_ns() // 1000 % 10**9 + 10**9}", 1, 1).items():
        setattr(ds, keyword, value)
    frame = np.random.default_rng(1).normal(1000, 40, (1024, 1024)).astype("<u2").tobytes()
    head = _encoded(ds) + b"\xe0\x7f\x10\x00OW\x00\x00" + (len(frame) * frames).to_bytes(4, "little")
    return head, frame, frames


def _header(side: int, frames: int) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = CTImageStorage if frames == 1 else MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    ds.SeriesDate = ds.ContentDate = "20240116"
    ds.StudyTime = "101500"
    ds.AccessionNumber, ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "A1", "1", "1", "1"
    ds.Modality = "CT" if frames == 1 else "OT"
    ds.Manufacturer, ds.InstitutionName = "Invented", "Benchmark Clinic"
    ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "BENCHMARK^INVENTED", "19700101", "O"
    ds.StudyDescription, ds.SeriesDescription, ds.BodyPartExamined = "CT CHEST", "AXIAL 1.0", "CHEST"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = side
    if frames > 1:
        ds.NumberOfFrames = str(frames)
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 1 if frames == 1 else 0
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    return ds


def _encoded(ds: Dataset) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with io.BytesIO() as buffer:
        pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
        return buffer.getvalue()
