"""What an order is of: studies, series and single images, by UID; and the instances that they come to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from django.db.models import Q, QuerySet

from apps.catalog.models import Instance, Series, Study

MOST_CHOSEN = 500


class Named(Protocol):
    """A choice, on its way to an order or in one."""

    @property
    def study_instance_uid(self) -> str: ...
    @property
    def series_instance_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A study; one of its series; or one image of a series."""

    study_instance_uid: str
    series_instance_uid: str = ""
    sop_instance_uid: str = ""


def without_covered(choices: Iterable[Choice]) -> list[Choice]:
    """Each choice once, and none that lies within another one; in their order."""
    chosen = dict.fromkeys(choices)
    return [
        each for each in chosen
        if (not each.series_instance_uid or Choice(each.study_instance_uid) not in chosen)
        and (not each.sop_instance_uid or Choice(each.study_instance_uid, each.series_instance_uid) not in chosen)
    ]  # fmt: skip


def studies_of(facility_id: int, choices: Iterable[Named]) -> QuerySet[Study]:
    """The studies that are chosen, or of which something is."""
    uids = {each.study_instance_uid for each in choices}
    return Study.objects.filter(facility_id=facility_id, study_instance_uid__in=uids)


def instances_of(facility_id: int, choices: Iterable[Named]) -> QuerySet[Instance]:
    """All images that are chosen, study by study and series by series, in the order of their numbers."""
    listed = list(choices)
    whole = [each.study_instance_uid for each in listed if not each.series_instance_uid]
    parts = [each for each in listed if each.series_instance_uid and not each.sop_instance_uid]
    series = Series.objects.filter(facility_id=facility_id)
    wanted = series.filter(study__in=Study.objects.filter(facility_id=facility_id, study_instance_uid__in=whole))
    among = series.filter(
        study__in=studies_of(facility_id, parts), series_instance_uid__in=[each.series_instance_uid for each in parts]
    )
    images = [each.sop_instance_uid for each in listed if each.sop_instance_uid]
    found = Instance.objects.filter(
        Q(series__in=wanted) | Q(series__in=among) | Q(sop_instance_uid__in=images), facility_id=facility_id
    )
    return in_order(found)


def in_order(instances: QuerySet[Instance]) -> QuerySet[Instance]:
    """Study by study and series by series, in the order of their numbers."""
    return instances.select_related("pack", "series").order_by(
        "series__study_id", "series__series_number", "series_id", "instance_number", "pk"
    )
