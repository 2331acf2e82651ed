"""What else than a study's own facts asks for its assessment: the law, or what is known of a facility.

Studies, patients, care events and extensions ask by themselves: triggers put their studies into the queue.
"""

from collections.abc import Iterable

from django.db import connection
from django.db.models import Q, QuerySet

from apps.facilities.models import Facility


def request_assessment_of_facilities(facility_ids: Iterable[int]) -> None:
    """The law, the contract or the kind of facilities has changed: all their studies are to be assessed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO retention_unassessed (facility_id, study_id)"
            " SELECT facility_id, id FROM catalog_study WHERE facility_id = ANY(%s) ORDER BY id ON CONFLICT DO NOTHING",
            [list(facility_ids)],
        )


def request_assessment_of_jurisdictions(jurisdictions: Iterable[str]) -> None:
    """A rule of these jurisdictions was enabled or retired."""
    request_assessment_of_facilities(facilities_of(jurisdictions).values_list("pk", flat=True))


def facilities_of(jurisdictions: Iterable[str]) -> QuerySet[Facility]:
    """Those whose law changes with a rule of these jurisdictions."""
    wanted = Q(pk__in=[])
    for place in jurisdictions:
        country, _, subdivision = place.partition("-")
        wanted |= Q(country=country, subdivision=subdivision) if subdivision else Q(country=country)
        # A facility whose state is not told learns that its country has such law.
        wanted |= Q(country=country, subdivision="")
    return Facility.objects.filter(wanted)
