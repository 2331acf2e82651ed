"""Which studies are to be assessed (again): a flag on the study is the queue."""

from collections.abc import Iterable

from django.db.models import Q

from apps.catalog.models import Study
from apps.facilities.models import Facility


def request_assessment_of_patient(facility_id: int, patient_id: int) -> None:
    """What was told of a patient may lengthen the floors of all their studies."""
    Study.objects.filter(facility_id=facility_id, patient_id=patient_id).update(needs_assessment=True)


def request_assessment_of_facilities(facility_ids: Iterable[int]) -> None:
    """The law, the contract or the kind of facilities has changed."""
    Study.objects.filter(facility_id__in=list(facility_ids), needs_assessment=False).update(needs_assessment=True)


def request_assessment_of_jurisdictions(jurisdictions: Iterable[str]) -> None:
    """A rule of these jurisdictions was enabled or retired."""
    wanted = Q()
    for place in jurisdictions:
        country, _, subdivision = place.partition("-")
        wanted |= Q(country=country, subdivision=subdivision) if subdivision else Q(country=country)
        # A facility whose state is not told learns that its country has such law.
        wanted |= Q(country=country, subdivision="")
    request_assessment_of_facilities(Facility.objects.filter(wanted).values_list("pk", flat=True))
