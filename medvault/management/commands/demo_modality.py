"""`manage.py demo_modality FOLDER --port PORT`: a CT of the demonstration, whose images fill a terminal's disk."""

import time
from argparse import ArgumentParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from django.core.management.base import BaseCommand
from django.utils import timezone
from pydicom.uid import UID, generate_uid
from pynetdicom import AE

from medvault.demo.phantoms import clinic_files

PAUSE_S = 20.0
FULL = 0.95


class Command(BaseCommand):
    help = "Send an invented image to the demonstration's terminal every so often, until its disk is nearly full"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the terminal's folder, which is measured")
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--quota", type=int, required=True, help="bytes that the folder may hold")

    def handle(self, *args: Any, folder: Path, port: int, quota: int, **options: Any) -> None:
        template = next(iter(clinic_files("lindenhof", today=timezone.now().date()))).content
        study, number = generate_uid(), 0
        while True:
            used = sum(path.stat().st_size for path in folder.rglob("*.dcm"))
            if used < quota * FULL:
                number += 1
                _send(_image(template, study, number), port)
            time.sleep(PAUSE_S)


def _image(template: bytes, study: str, number: int) -> pydicom.FileDataset:
    """Another slice of an examination that never ends; every tenth begins a new series."""
    ds = pydicom.dcmread(BytesIO(template))
    ds.StudyInstanceUID, ds.StudyDate = UID(study), f"{timezone.now():%Y%m%d}"
    ds.SeriesInstanceUID, ds.SeriesNumber = UID(f"{study}.{number // 10 + 1}"[:64]), number // 10 + 1
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.InstanceNumber = number
    return ds


def _send(ds: pydicom.FileDataset, port: int) -> None:
    """The terminal may not listen yet: then the next image is sent."""
    modality = AE("DEMOCT")
    modality.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    assoc = modality.associate("127.0.0.1", port, ae_title="TERMINAL")
    if assoc.is_established:
        assoc.send_c_store(ds)
        assoc.release()
