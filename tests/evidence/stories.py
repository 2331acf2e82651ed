"""Facilities of which something is on record, and reports that are asked for, for the tests of evidence."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from apps.audit.record import SYSTEM, record
from apps.collection.receipts import issue_receipts
from apps.collection.replication import replicate_pending
from apps.evidence.models import Report
from apps.evidence.reporting import request_report
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.portal.pages import dicom, store

LATER = timedelta(days=2)


def soon() -> datetime:
    """When what is recorded now has settled."""
    return timezone.now() + LATER


def look(facility: Facility, number: int = 1) -> None:
    with as_facility(facility):
        record("study.viewed", actor=SYSTEM, object_type="study", object_id=number, facility_id=facility.pk, name="森")


def wanted_report(facility: Facility) -> Report:
    """Of yesterday and the days before, in which images came (by the clock of the tests) and were looked at."""
    collection = store(facility, dicom(1), dicom(2))
    replicate_pending()
    look(facility)
    now = soon()
    with as_facility(facility):
        collection.refresh_from_db()
        issue_receipts(collection, now=now)
        return request_report(
            facility, first_on=datetime(2026, 5, 1, tzinfo=UTC).date(), last_on=(now - timedelta(days=1)).date(),
            by=None, actor=SYSTEM, now=now,
        )  # fmt: skip
