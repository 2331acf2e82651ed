"""Orders of media on their way, and what was produced of them laid out in folders."""

import os
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pydicom
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import EncapsulatedPDFStorage, JPEGBaseline8Bit

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Instance
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice
from apps.orders.kinds import KINDS
from apps.orders.models import Order, OrderKind
from apps.orders.ordering import draw_up, request
from apps.orders.outputs import made_output, opened
from apps.orders.producing import produce_due
from tests.catalog.preview_objects import changed
from tests.orders.stories import fresh, now, start, studies
from tests.portal.pages import dicom

PDF = b"%PDF-1.4\n" + bytes(range(256)) * 9
CD: dict[str, Any] = {"carrier": "cd", "copies": "1"}


def slices(study: int, count: int, **attributes: Any) -> list[bytes]:
    """A CT series with real pixels."""

    def numbered(number: int) -> Any:
        def change(data_set: Dataset) -> None:
            data_set.StudyInstanceUID, data_set.SeriesInstanceUID = f"2.25.{study}", f"2.25.{study}.1"
            data_set.SOPInstanceUID = f"2.25.{study}.1.{number}"
            data_set.InstanceNumber = number
            for keyword, value in attributes.items():
                setattr(data_set, keyword, value)

        return change

    return [changed("CT_small.dcm", numbered(number)) for number in range(1, count + 1)]


def report(study: int = 1) -> bytes:
    """An encapsulated PDF."""
    data_set = pydicom.dcmread(BytesIO(dicom(study, 50, SOPClassUID=EncapsulatedPDFStorage, Modality="DOC")))
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(data_set, keyword)
    data_set.SeriesInstanceUID = f"2.25.{study}.9"
    data_set.MIMETypeOfEncapsulatedDocument, data_set.DocumentTitle = "application/pdf", "所見"
    data_set.EncapsulatedDocument = PDF
    return saved(data_set)


def corrupt(study: int = 1) -> bytes:
    """An image whose compressed pixel data is none."""
    data_set = pydicom.dcmread(BytesIO(dicom(study, 60)))
    data_set.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data_set.PixelData = encapsulate([b"\xff\xd8 no picture \xff\xd9"])
    data_set["PixelData"].is_undefined_length = True
    return saved(data_set)


def saved(data_set: Dataset) -> bytes:
    file = BytesIO()
    data_set.save_as(file, enforce_file_format=True)
    return file.getvalue()


def ordered(facility: Facility, staff: User, kind: OrderKind, **given: Any) -> Order:
    """An order of all studies, that a worker is to produce."""
    options = KINDS[kind].options(facility, given)
    chosen = [Choice(study.study_instance_uid) for study in studies(facility)]
    with as_facility(facility):
        order = draw_up(facility, kind, chosen, options=options, is_urgent=False, actor=SYSTEM, now=now())
        request(order, actor=SYSTEM, now=now())
    start(order, staff)
    return order


def produced(order: Order) -> bytes:
    """What comes of an order."""
    assert produce_due() == 1, fresh(order).problem
    return content_of(order)


def content_of(order: Order) -> bytes:
    with as_center():
        output = made_output(fresh(order))
    assert output
    with opened(output) as file:
        return file.read()


def unpacked(output: bytes, folder: Path) -> list[str]:
    """The members of an output, as files of a folder."""
    with ZipFile(BytesIO(output)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
        return archive.namelist()


def mounted(image: Path, folder: Path) -> Path:
    """The files of a disc image, as xorriso reads them: another program than the one that wrote it."""
    require("xorriso")
    run("xorriso", "-osirrox", "on", "-indev", str(image), "-extract", "/", str(folder))
    run("chmod", "-R", "u+w", str(folder))
    return folder


def run(*command: str) -> str:
    """A program's output of both kinds, once it has succeeded."""
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8", errors="replace")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def require(program: str) -> None:
    if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip(f"{program} is not installed")


def stored(facility: Facility) -> dict[str, str]:
    """SHA-256 of what is stored, by SOP Instance UID."""
    with as_facility(facility):
        return {each.sop_instance_uid: bytes(each.sha256).hex() for each in Instance.objects.all()}
