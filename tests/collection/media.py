"""What tests of receiving media share: receiving, and what became of the files."""

from pathlib import Path
from typing import Any

from apps.audit.record import Actor
from apps.collection.media.receive import MediumReceived, receive_media
from apps.collection.models import ReceivedFile
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.catalog.dicom_bytes import IMAGE, Elements, data_set, part10


def receive(facility: Facility, path: Path, **options: Any) -> MediumReceived:
    actor = Actor("operator", "A. Operator")
    return receive_media(facility=facility, path=path, operator="A. Operator", serial="CD-1", actor=actor, **options)


def outcomes(received: MediumReceived) -> dict[str, str]:
    """Outcome, or reason code of what was not stored, by name on the medium."""
    collection = received.collection
    with as_facility(collection.facility_id):
        files = list(ReceivedFile.objects.filter(collection=collection))
    assert len(files) == collection.file_count == sum(received.reasons.values())
    return {file.source_name: file.reason_code or file.outcome for file in files}


def numbered(number: int, changes: Elements | None = None) -> bytes:
    """An image of its own SOP Instance UID in one study."""
    uid = f"1.2.3.4.5.{number}".encode()
    return part10(data_set({**IMAGE, 0x00080018: ("UI", uid + b"\0" * (len(uid) % 2)), **(changes or {})}))
