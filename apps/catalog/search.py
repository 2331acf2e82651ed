"""Search: the studies, series and instances of one facility by their accompanying information.

Every query names its facility, in each of its parts: row-level security only repeats it. What is compared by range or
equality is found by an index; texts without one are compared along the facility's studies, newest first.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as day_time
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import BooleanField, DateField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.utils.translation import gettext as _

from apps.catalog.criteria import InvalidCriteria, StudyCriteria
from apps.catalog.cursor import read_cursor, write_cursor
from apps.catalog.matching import has_wildcard, matches_identifier, matches_text, name_regex, within_prefix
from apps.catalog.models import Instance, NamePart, Patient, Series, Study
from apps.catalog.names import fold, folded_key, probe_of, word_probes
from apps.facilities.models import Facility

__all__ = [
    "InvalidCriteria",
    "StudyCriteria",
    "StudyPage",
    "matching_instances",
    "matching_series",
    "matching_studies",
    "search_studies",
]

MOST_STUDIES = 500


@dataclass(frozen=True, slots=True)
class StudyPage:
    """Studies, newest first, each with its patient; `next` is the cursor of the page after, '' at the end."""

    studies: list[Study]
    next: str


def search_studies(facility_id: int, criteria: StudyCriteria, *, after: str = "", limit: int = 50) -> StudyPage:
    """A page of at most `limit` studies (1 to 500) that match, from the cursor `after` on.

    Newest study date first; a study without one counts by its reception. Raises InvalidCriteria for a cursor that is
    not of this facility.
    """
    if not 1 <= limit <= MOST_STUDIES:
        raise InvalidCriteria("limit", _("A page has 1 to %(most)d studies") % {"most": MOST_STUDIES})
    studies = matching_studies(facility_id, criteria)
    if after:
        studies = studies.filter(_comes_after(facility_id, after))
    found = list(studies[: limit + 1])
    return StudyPage(found[:limit], write_cursor(found[limit - 1].pk) if len(found) > limit else "")


def matching_studies(facility_id: int, criteria: StudyCriteria) -> QuerySet[Study]:
    """The studies that match, with their patients, newest first."""
    _plan_for_the_values()
    studies = Study.objects.select_related("patient").filter(
        _of_study(facility_id, criteria, ""),
        facility_id=facility_id,
        instance_count__gt=0,  # one that has conflicts alone
    )
    within = _of_series(criteria, "")
    if inner := _has_instance(facility_id, criteria):
        within &= Q(inner)
    if within:
        series = Series.objects.filter(within, facility_id=facility_id, study=OuterRef("pk"))
        studies = studies.filter(Exists(series))
    return studies.order_by("-sort_date", "-id")


def matching_series(facility_id: int, criteria: StudyCriteria) -> QuerySet[Series]:
    """The series that match, with study and patient, newest study first, then by number."""
    _plan_for_the_values()
    conditions = _of_study(facility_id, criteria, "study__") & _of_series(criteria, "")
    if inner := _has_instance(facility_id, criteria):
        conditions &= Q(inner)
    series = Series.objects.select_related("study__patient").filter(conditions, facility_id=facility_id)
    return series.order_by("-study__sort_date", "-study_id", "series_number", "id")


def matching_instances(facility_id: int, criteria: StudyCriteria) -> QuerySet[Instance]:
    """The instances that match, with series, study and patient, newest study first, then by numbers."""
    _plan_for_the_values()
    conditions = (
        _of_study(facility_id, criteria, "series__study__") & _of_series(criteria, "series__") & _of_instance(criteria)
    )
    instances = Instance.objects.select_related("series__study__patient").filter(conditions, facility_id=facility_id)
    return instances.order_by(
        "-series__study__sort_date", "-series__study_id", "series__series_number", "series_id", "instance_number", "id"
    )


def _plan_for_the_values() -> None:
    """Plan the queries of this transaction anew each time: what a rare and a frequent value need differs, and a
    prepared statement would be planned once for both (PostgreSQL manual, PREPARE). A page read at random costs hardly
    more than one in sequence: indexes are in memory, and disks do not turn.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
            " set_config('random_page_cost', '1.1', true)"
        )


def _comes_after(facility_id: int, cursor: str) -> Func:
    study_id = read_cursor(cursor)
    last = Study.objects.filter(facility_id=facility_id, pk=study_id).values_list("sort_date", flat=True).first()
    if last is None:
        raise InvalidCriteria("after", _("This page is not there any more; start again"))
    here = Func(F("sort_date"), F("id"), function="ROW")
    there = Func(Value(last, DateField()), Value(study_id), function="ROW")
    return Func(here, there, template="%(expressions)s", arg_joiner=" < ", output_field=BooleanField())


def _of_study(facility_id: int, criteria: StudyCriteria, at: str) -> Q:
    """The conditions on the study that is at `at`, and on its patient."""
    conditions = _of_patient(facility_id, criteria, f"{at}patient") & _when(facility_id, criteria, at)
    if criteria.accession_number:
        conditions &= matches_identifier(f"{at}accession_number", criteria.accession_number)
    for name in ("study_id", "study_description", "institution_name"):
        if key := _key(criteria, name):
            conditions &= matches_text(f"{at}{name}", key)
    if key := _key(criteria, "referring_physician_name"):
        conditions &= Q(**{f"{at}referring_physician_name__iregex": name_regex(key)})
    if criteria.study_instance_uids:
        conditions &= Q(**{f"{at}study_instance_uid__in": criteria.study_instance_uids})
    if criteria.modalities_in_study:
        some = Series.objects.filter(facility_id=facility_id, modality__in=_codes(criteria.modalities_in_study))
        conditions &= Q(Exists(some.filter(study=OuterRef(f"{at}pk"))))
    if text := " ".join(criteria.text.split()):
        conditions &= Q(**{f"{at}pk__in": _by_text(facility_id, text)})
    return conditions


def _when(facility_id: int, criteria: StudyCriteria, at: str) -> Q:
    conditions = Q()
    for name, lookup in (("study_date", "from"), ("study_date", "to"), ("study_time", "from"), ("study_time", "to")):
        if (value := getattr(criteria, f"{name}_{lookup}")) is not None:
            conditions &= Q(**{f"{at}{name}__{_BOUNDS[lookup]}": value})
            if name == "study_date":  # the same, for the index in which studies are sorted
                conditions &= Q(**{f"{at}sort_date__{_BOUNDS[lookup]}": value})
    if criteria.received_from or criteria.received_to:
        zone = ZoneInfo(Facility.objects.values_list("time_zone", flat=True).get(pk=facility_id))
        if criteria.received_from:
            begin = datetime.combine(criteria.received_from, day_time.min, zone)
            conditions &= Q(**{f"{at}created_at__gte": begin})
        if criteria.received_to and criteria.received_to < date.max:
            end = datetime.combine(criteria.received_to + timedelta(days=1), day_time.min, zone)
            conditions &= Q(**{f"{at}created_at__lt": end})
    return conditions


_BOUNDS = {"from": "gte", "to": "lte"}


def _of_patient(facility_id: int, criteria: StudyCriteria, at: str) -> Q:
    conditions = Q()
    if criteria.patient_id:
        conditions &= matches_identifier(f"{at}__patient_id", criteria.patient_id)
    if criteria.patient_birth_date:
        conditions &= Q(**{f"{at}__birth_date": criteria.patient_birth_date})
    if criteria.patient_sex:
        conditions &= Q(**{f"{at}__sex__iexact": criteria.patient_sex})
    if criteria.patient_name.strip("*^= "):
        of_name = _of_like_name if criteria.is_fuzzy else _of_name
        conditions &= of_name(facility_id, criteria.patient_name, f"{at}__")
    return conditions & Q(**{f"{at}__facility_id": facility_id}) if conditions else conditions


def _of_name(facility_id: int, key: str, at: str) -> Q:
    """The condition on the name of the patient that is at `at`."""
    conditions = Q(**{f"{at}folded_name__regex": name_regex(folded_key(key))})
    if probe := probe_of(key):
        conditions &= Q(**{f"{at}pk__in": _having(facility_id, probe)})
    return conditions


def _of_like_name(facility_id: int, key: str, at: str) -> Q:
    """The same; or the name has the words of the key, in any order."""
    named = Patient.objects.filter(_of_name(facility_id, key, ""), facility_id=facility_id).values("pk")
    return Q(**{f"{at}pk__in": _by_words(facility_id, re.sub("[*?]+", " ", key)).union(named)})


def _having(facility_id: int, part: str) -> QuerySet[Any, Any]:
    """Patients whose name has a part that begins so."""
    return NamePart.objects.filter(within_prefix("part", part), facility_id=facility_id).values("patient_id")


def _by_text(facility_id: int, text: str) -> QuerySet[Any]:
    """Studies whose patient's name, patient ID or accession number this is the beginning of."""
    mine = Q(facility_id=facility_id)
    if has_wildcard(fold(text)):
        by_name = Patient.objects.filter(mine, _of_name(facility_id, text, "")).values("pk")
        by_id, by_number = matches_identifier("patient_id", text), matches_identifier("accession_number", text)
    else:
        by_name = _by_words(facility_id, text)
        by_id, by_number = within_prefix("patient_id", text), within_prefix("accession_number", text)
    patients = by_name.union(Patient.objects.filter(mine, by_id).values("pk"))
    studies = Study.objects.filter(mine, patient__in=patients)
    return studies.values("pk").union(Study.objects.filter(mine, by_number).values("pk"))


def _by_words(facility_id: int, text: str) -> QuerySet[Any, Any]:
    """Patients whose name has all of the words."""
    first, *others = word_probes(text) or [""]
    if not first:
        return NamePart.objects.none().values("patient_id")
    patients = _having(facility_id, first)
    for probe in others:
        patients = patients.filter(patient_id__in=_having(facility_id, probe))
    return patients


def _of_series(criteria: StudyCriteria, at: str) -> Q:
    """The conditions on the series that is at `at`; empty if there are none."""
    conditions = Q()
    if criteria.modalities:
        conditions &= Q(**{f"{at}modality__in": _codes(criteria.modalities)})
    if criteria.series_number is not None:
        conditions &= Q(**{f"{at}series_number": criteria.series_number})
    if criteria.series_instance_uids:
        conditions &= Q(**{f"{at}series_instance_uid__in": criteria.series_instance_uids})
    for name, column in _SERIES_TEXTS.items():
        if key := _key(criteria, name):
            conditions &= matches_text(f"{at}{column}", key)
    return conditions


_SERIES_TEXTS = {
    "body_part": "body_part_examined",
    "station_name": "station_name",
    "protocol_name": "protocol_name",
    "manufacturer": "manufacturer",
    "series_description": "series_description",
}


def _of_instance(criteria: StudyCriteria) -> Q:
    conditions = Q()
    if criteria.image_number is not None:
        conditions &= Q(instance_number=criteria.image_number)
    if criteria.sop_class_uids:
        conditions &= Q(sop_class_uid__in=criteria.sop_class_uids)
    if criteria.sop_instance_uids:
        conditions &= Q(sop_instance_uid__in=criteria.sop_instance_uids)
    return conditions


def _has_instance(facility_id: int, criteria: StudyCriteria) -> Exists | None:
    conditions = _of_instance(criteria)
    if not conditions:
        return None
    return Exists(Instance.objects.filter(conditions, facility_id=facility_id, series=OuterRef("pk")))


def _key(criteria: StudyCriteria, name: str) -> str:
    """The key of a text criterion; '' where it is none, as * alone is."""
    key: str = getattr(criteria, name).strip()
    return "" if set(key) == {"*"} else key


def _codes(values: tuple[str, ...]) -> list[str]:
    return [value.strip().upper() for value in values]
