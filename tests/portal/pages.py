"""Addresses of the portal, and images that have come in through ingest's own door."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pydicom.uid import BasicTextSRStorage, SecondaryCaptureImageStorage

from apps.audit.record import SYSTEM
from apps.catalog.models import Instance, Study
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Collection, Method
from apps.collection.reception import Reception
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.vault.spool import Batch
from tests.catalog.preview_objects import RAMP, image

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
COLOURS = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)


def url(name: str, facility: str = "sakura", **arguments: Any) -> str:
    return reverse(f"portal:{name}", kwargs={"facility_slug": facility, **arguments})


def dicom(study: int = 1, number: int = 1, pixels: Any = RAMP, **attributes: Any) -> bytes:
    """An image whose UIDs follow from `study` and `number`: PatientID P1 for study 1, and so on."""
    facts: dict[str, Any] = {
        "SOPClassUID": SecondaryCaptureImageStorage,
        "SOPInstanceUID": f"2.25.{study}.1.{number}",
        "SeriesInstanceUID": f"2.25.{study}.1",
        "StudyInstanceUID": f"2.25.{study}",
        "PatientID": f"P{study}",
        "PatientName": "Mori^Haruka=森^遥=もり^はるか",
        "StudyDate": "20260401",
        "Modality": "CT",
        "InstanceNumber": number,
        "SpecificCharacterSet": "ISO_IR 192",
    }
    return image(pixels, **(facts | attributes))


def document() -> bytes:
    """A structured report: no pixels to render."""
    report = pydicom.dcmread(BytesIO(dicom(7, Modality="SR", SOPClassUID=BasicTextSRStorage)))
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
        delattr(report, keyword)
    file = BytesIO()
    report.save_as(file)
    return file.getvalue()


def store(facility: Facility, *files: bytes, name: str = "", **facts: Any) -> Collection:
    """Receive files as one collection; those that are no DICOM are skipped, broken ones quarantined."""
    reception = Reception(method=Method.MEDIA, actor=SYSTEM, operator="K. Endo", **facts)
    with Batch(facility.pk) as batch:
        intake = Intake(batch)
        for number, content in enumerate(files, 1):
            intake.add([content], name or f"IM{number:04d}")
        collection = new_collection(facility, reception, now=NOW)
        return store_batch(collection, reception, intake, now=NOW, is_last=True).collection


def queries_of(client: Client, address: str) -> int:
    """How often a page asks the database."""
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def only_study(facility: Facility) -> Study:
    with as_facility(facility):
        return Study.objects.get()


def only_image(facility: Facility) -> Instance:
    with as_facility(facility):
        return Instance.objects.get()
