"""Who is told of what storage periods lack, and of what was deleted; of many studies at once."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.urls import reverse

from apps.core.clock import day_of
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell
from apps.retention.models import Disposition, Retention, State


def tell_of_unknown(*, now: datetime) -> None:
    """Facilities of whose studies something was not told: once a week, as long as it lasts."""
    with as_center():
        for facility, found in _by_facility(Retention.objects.filter(~Q(missing=[]))):
            tell(Kind.PERIODS_UNKNOWN, facility=facility, about=("facility", facility.pk), path=_page(facility),
                 occasion=f"{day_of(now, facility.time_zone):%G-W%V}", facts={"count": found["count"]})  # fmt: skip


def tell_of_deleted(keys: Iterable[int]) -> None:
    """Facilities whose dispositions with these keys were carried out."""
    with as_center():
        deleted = Disposition.objects.filter(pk__in=list(keys), state=State.DELETED)
        for facility, found in _by_facility(deleted):
            tell(Kind.STUDIES_DELETED, facility=facility, about=("facility", facility.pk), path=_page(facility),
                 occasion=f"until disposition {found['last']}", facts={"count": found["count"]})  # fmt: skip


def _by_facility(rows: QuerySet[Any]) -> Iterator[tuple[Facility, dict[str, Any]]]:
    counted = rows.order_by().values("facility_id").annotate(count=Count("pk"), last=Max("pk"))
    found = {each["facility_id"]: dict(each) for each in counted}
    for key, facility in sorted(Facility.objects.in_bulk(found).items()):
        yield facility, found[key]


def _page(facility: Facility) -> str:
    return reverse("portal:expiring", kwargs={"facility_slug": facility.slug})
