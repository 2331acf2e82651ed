"""Images of the demonstration that contradict stored ones: staff have decided about one, the other waits."""

from datetime import date, datetime
from io import BytesIO

import pydicom

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.bytes import open_instance
from apps.catalog.conflicts import resolve_conflict
from apps.catalog.models import Conflict, ConflictDecision, Instance
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from medvault.demo.phantoms import DemoFile


def contradicting_files(facility: Facility) -> list[DemoFile]:
    """An image of each of two studies as another program exported it: under the same UID, described otherwise."""
    with as_facility(facility):
        images = Instance.objects.filter(facility=facility, has_pixel_data=True).select_related("series__study", "pack")
        one_each = images.order_by("series__study", "pk").distinct("series__study")[:2]
        return [_exported(instance, number) for number, instance in enumerate(one_each, 1)]


def seed_decision(facility: Facility, *, archivist: str, now: datetime) -> None:
    """What staff decided about the first one. Safe to repeat."""
    staff = User.objects.get(email=archivist)
    with as_center():
        first = Conflict.objects.filter(facility=facility).earliest("pk")
    resolve_conflict(
        first, decision=ConflictDecision.SAME, reason="Another program exported it, and described the series anew",
        by=staff, actor=Actor("user", str(staff.pk)), now=now,
    )  # fmt: skip


def _exported(instance: Instance, number: int) -> DemoFile:
    with open_instance(instance) as file:
        data_set = pydicom.dcmread(BytesIO(file.read()))
    data_set.SeriesDescription = "Export"
    content, study = BytesIO(), instance.series.study
    data_set.save_as(content)
    path = f"DICOM/EXPORT{number}"
    return DemoFile(path, content.getvalue(), study.study_instance_uid, study.study_date or date.min)
