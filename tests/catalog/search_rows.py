"""Studies as rows alone, filed through the one way into the catalog: apps.catalog.filing."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from apps.catalog.filing import Arrival, file_arrivals
from apps.catalog.header import Header, PersonName
from apps.catalog.models import Study
from apps.catalog.search import StudyCriteria, search_studies
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.vault.models import Pack, PackKind

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_numbers = count(1)


def make_study(facility: Facility, *, name: str = "", now: datetime = NOW, **values: Any) -> Study:
    """File one instance of a new study; values are a header's, the name is written as DICOM does."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "sop_class_uid": SECONDARY_CAPTURE,
        "sop_instance_uid": f"2.25.{number}.3",
        "study_instance_uid": f"2.25.{number}",
        "series_instance_uid": f"2.25.{number}.2",
        "patient_id": f"P{number}",
        "patient_name": PersonName(*name.split("=")),
        "instance_number": 1,
    }
    header = Header(**(given | values))
    with as_facility(facility):
        pack = Pack.objects.create(
            facility=facility,
            name=f"{number}.zip",
            kind=PackKind.STUDY,
            size_bytes=200,
            sha256=bytes(32),
            file_count=1,
            created_at=now,
        )
        arrival = Arrival(header, pack, 0, 100, bytes(32))
        (filed,) = file_arrivals(facility.pk, [arrival], {}, now=now)
        assert filed.instance
        return Study.objects.get(pk=filed.instance.series.study_id)


def found(facility: Facility, **criteria: Any) -> list[Study]:
    """What a search finds, as the facility."""
    with as_facility(facility):
        return search_studies(facility.pk, StudyCriteria(**criteria)).studies
