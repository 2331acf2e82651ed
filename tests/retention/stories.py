"""Studies, rules and times for the tests of storage periods."""

from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

import pydicom
import pydicom.data
from django.utils import timezone
from pydicom.uid import generate_uid

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Study
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Method
from apps.collection.reception import Reception
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.assessing import assess_pending
from apps.retention.law import enable
from apps.retention.models import DeletionPolicy, Disposition, Retention, Rule, State
from apps.vault.spool import Batch

LONG_AGO = date(2004, 1, 19)


def image(**elements: Any) -> bytes:
    """A CT image of an invented patient, with these elements."""
    ds = pydicom.dcmread(str(pydicom.data.get_testdata_file("CT_small.dcm")))
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for name, value in elements.items():
        setattr(ds, name, value)
    content = BytesIO()
    ds.save_as(content)
    return content.getvalue()


def store(facility: Facility, *files: bytes, name: str = "image.dcm") -> list[Study]:
    """Store files, replicate and assess them; the facility's studies."""
    reception, now = Reception(method=Method.MEDIA, actor=SYSTEM), timezone.now()
    with Batch(facility.pk) as batch:
        intake = Intake(batch)
        for number, content in enumerate(files):
            intake.add([content], f"{number}-{name}")
        store_batch(new_collection(facility, reception, now=now), reception, intake, now=now, is_last=True)
    replicate_pending()
    assess_pending()
    with as_center():
        return list(Study.objects.filter(facility=facility).select_related("patient").order_by("pk"))


def stored(facility: Facility, study_date: date = LONG_AGO, **elements: Any) -> Study:
    """A study of its own with one image."""
    uid = generate_uid()
    store(facility, image(StudyInstanceUID=uid, StudyDate=f"{study_date:%Y%m%d}", **elements))
    with as_center():
        return Study.objects.select_related("patient").get(study_instance_uid=uid)


def in_force(*keys: str, by: User | None = None) -> None:
    """Put presets into force, whatever is known of them."""
    user = by or User.objects.create_user("archivist@center.example", is_staff=True)
    with as_center():
        for key in keys:
            enable(Rule.objects.get(key=key, version=1), by=user, actor=SYSTEM, now=timezone.now(),
                   confirmation="The text was read")  # fmt: skip
    assess_pending()


def agreed(facility: Facility, **policy: Any) -> DeletionPolicy:
    """The facility's policy from now on."""
    with as_center():
        return DeletionPolicy.objects.create(facility=facility, agreed_at=timezone.now(), **policy)


def retention_of(study: Study) -> Retention:
    """What is known of its storage period now."""
    with as_center():
        return Retention.objects.get(study_id=study.pk)


def dispositions(*states: State) -> list[Disposition]:
    """All dispositions, or those in these states."""
    with as_center():
        found = Disposition.objects.order_by("pk")
        return list(found.filter(state__in=states) if states else found)


def overdue(disposition: Disposition, *, by: timedelta = timedelta(minutes=1)) -> None:
    """The notice has ended."""
    with as_center():
        past: datetime = timezone.now() - by
        Disposition.objects.filter(pk=disposition.pk).update(decide_by=past, next_at=past)
