"""The facility's first page: whether everything is safe, what waits for this person, how full it gets, the costs."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.billing.changing import Standing, standing_of
from apps.billing.expecting import month_to_date
from apps.billing.models import StorageDay
from apps.billing.months import last_day, month_before
from apps.collection.models import Collection, Terminal
from apps.collection.schedule import Outlook, outlooks
from apps.core.clock import day_of
from apps.evidence.holdings import holdings_of
from apps.evidence.models import Holdings
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Facility, Role
from apps.portal.capacity_chart import CapacityChart, capacity_chart
from apps.portal.chart import Chart, stacked_bars
from apps.portal.expiry_calendar import expiry_calendar
from apps.portal.fixity_line import fixity_line
from apps.portal.month_chart import month_chart
from apps.portal.needs import Desk, needs_of
from apps.portal.safety import safety_of
from apps.vault.standing import Fixity

MONTHS, SHOWN_TERMINALS = 12, 3


@dataclass(frozen=True, slots=True)
class Filling:
    """A terminal, and how its disk fills."""

    outlook: Outlook
    chart: CapacityChart | None


@dataclass(frozen=True, slots=True, order=True)
class Ahead:
    """When something is collected next as agreed, by an operator's visit or online; `is_late`: that day has passed."""

    on: date
    is_visit: bool
    is_late: bool


@facility_door()
@require_safe
def dashboard(request: FacilityRequest) -> HttpResponse:
    """The same number of queries, however much is stored."""
    now, facility = timezone.now(), request.facility
    today = day_of(now, facility.time_zone)
    holdings = holdings_of(facility, now=now)
    safety = safety_of(facility, holdings, now=now)
    terminals = Terminal.objects.filter(facility=facility, retired_at=None).select_related("facility")
    watched = outlooks(list(terminals.order_by("name", "pk")), as_of=now)
    may_see_money = request.role is not None and request.role.covers(Role.MEMBER)
    standing = standing_of(facility, today=today) if may_see_money else None
    collections = Collection.objects.filter(facility=facility).order_by("-opened_at", "-id")
    context = {
        "holdings": holdings,
        "safety": safety,
        "fixity_line": fixity_line(_fixity(holdings, safety.damaged)),
        "needs": needs_of(Desk(request, now, safety, watched, standing)),
        "last": collections.exclude(received_at=None).first(),
        "next": next_collection(watched),
        "is_to_send": any(each.schedule.push_every_hours for each in watched),
        "growth": _growth(facility, holdings, today),
        "calendar": expiry_calendar(holdings.ends, today=today),
        "terminals": [_filling(each) for each in sorted(watched, key=_soonest_full)[:SHOWN_TERMINALS]],
        "more_terminals": max(len(watched) - SHOWN_TERMINALS, 0),
        **(_money(standing) if standing else {}),
    }
    return render(request, "portal/dashboard.html", context)


def next_collection(watched: list[Outlook]) -> Ahead | None:
    """What was due first; None where nothing is agreed, or nothing was ever sent."""
    visits = [Ahead(each.next_visit_on, True, each.is_overdue) for each in watched if each.next_visit_on]
    transfers = [
        Ahead(due_on, False, due_on < each.today)
        for each in watched
        if each.schedule.push_every_hours and each.last_transfer_at
        for due_on in [timezone.localdate(each.last_transfer_at + timedelta(hours=each.schedule.push_every_hours))]
    ]
    return min([*visits, *transfers], default=None)


def _fixity(holdings: Holdings, damaged: int) -> Fixity:
    return Fixity(holdings.copied_packs, holdings.verified_oldest_at, holdings.verified_newest_at, damaged)


def _growth(facility: Facility, holdings: Holdings, today: date) -> Chart:
    """Studies stored at the end of each of the last twelve months; of this one, as of now."""
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        months.insert(0, month_before(months[0]))
    ends = {last_day(month): month for month in months[:-1]}
    days = StorageDay.objects.filter(facility=facility, day__in=ends).values_list("day", "studies")
    studies = {ends[day]: max(count, 0) for day, count in days} | {months[-1]: holdings.studies}
    return stacked_bars(months, {_("Studies"): [studies.get(month, 0) for month in months]})


def _soonest_full(outlook: Outlook) -> tuple[date, int]:
    full_on = outlook.forecast.full_on if outlook.forecast else None
    return full_on or date.max, -(outlook.used_percent or 0)


def _filling(outlook: Outlook) -> Filling:
    full_on = outlook.forecast.full_on if outlook.forecast else None
    chart = capacity_chart(outlook.readings, limit_percent=outlook.wanted_from_percent, full_on=full_on)
    return Filling(outlook, chart)


def _money(standing: Standing) -> dict[str, Any]:
    """This month before tax, under a contract in force."""
    if standing.contract is None or not standing.is_in_force:
        return {"standing": standing}
    month = month_to_date(standing.contract, standing.versions, currency=standing.currency, today=standing.today)
    return {"standing": standing, "month": month, "month_chart": month_chart(month) if month else None}
