"""The operators' pages: the worklist, the calendar of visits, and the terminals that somebody should look after."""

from calendar import Calendar
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.collection.models import Collector, CollectorFacility, Terminal
from apps.collection.overdue import neglected
from apps.collection.schedule import Outlook, outlooks
from apps.collection.worklist import Stop, by_day, visits_made, worklist
from apps.core.clock import database_now

READS = tuple(f"collection.view_{name}" for name in ("terminal", "capacity", "collectionrequest", "collection"))
DAYS = [(1, _("One day")), (7, _("A week")), (14, _("Two weeks")), (28, _("Four weeks"))]
WEEK = 7
FARTHEST = timedelta(days=366)
EARLIEST, MONTHS_AHEAD = date(2000, 1, 1), 12

Page = Callable[[HttpRequest], dict[str, Any]]


class WorklistForm(forms.Form):
    """Which part of the worklist is wanted."""

    day = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    days = forms.TypedChoiceField(
        label=_("For"),
        required=False,
        choices=DAYS,
        coerce=int,
        empty_value=WEEK,  # type: ignore[arg-type]
    )
    collector = forms.ModelChoiceField(
        label=_("Operator with"), required=False, queryset=Collector.objects.none(), empty_label=_("any collector")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        in_use = Collector.objects.filter(revoked_at=None).order_by("name")
        self.fields["collector"].queryset = in_use  # type: ignore[attr-defined]


def urls(site: AdminSite) -> list[URLPattern]:
    """The pages' addresses, for the model admin that takes them in."""
    pages = [
        ("worklist", _("Worklist"), worklist_page),
        ("calendar", _("Calendar of visits"), calendar_page),
        ("overdue", _("Overdue and unmarked"), overdue_page),
    ]
    return [
        path(f"{name}/", site.admin_view(_page(site, name, title, page)), name=f"collection_{name}")
        for name, title, page in pages
    ]


def worklist_page(request: HttpRequest) -> dict[str, Any]:
    """What is to be done, by day. What cannot be understood of the filter is as if it had not been given."""
    now = database_now()
    today = timezone.localdate(now)
    form = WorklistForm({"day": today, "days": WEEK} | request.GET.dict())
    form.is_valid()
    wanted = form.cleaned_data
    first = min(max(wanted.get("day") or today, today), today + FARTHEST)
    last = first + timedelta(days=wanted.get("days", WEEK) - 1)
    collector: Collector | None = wanted.get("collector")
    stops = worklist(_outlooks(collector), now=now, today=today, last=last)
    stops = [stop for stop in stops if stop.day >= first]
    return {
        "form": form,
        "today": today,
        "first": first,
        "last": last,
        "collector": collector,
        "days": by_day(stops),
        "figures": _figures(stops),
        "served_by": _served_by(),
    }


def calendar_page(request: HttpRequest) -> dict[str, Any]:
    """A month: visits that were made, and from today on those to make."""
    now = database_now()
    today = timezone.localdate(now)
    month = _month(request.GET.get("month", ""), today)
    weeks = Calendar().monthdatescalendar(month.year, month.month)
    first, last = weeks[0][0], weeks[-1][-1]
    made: dict[date, list[Any]] = defaultdict(list)
    for visit in visits_made(first, min(last, today)):
        made[timezone.localdate(visit.opened_at)].append(visit)
    to_make = dict(by_day(worklist(_outlooks(None), now=now, today=today, last=last)))
    return {
        "today": today,
        "month": month,
        "before": month - timedelta(days=1),
        "after": (month + timedelta(days=31)).replace(day=1),
        "weekdays": weeks[0],
        "weeks": [[(day, made.get(day, []), to_make.get(day, [])) for day in week] for week in weeks],
    }


def overdue_page(_request: HttpRequest) -> dict[str, Any]:
    """Terminals that are late, silent, or have image sets without a mark."""
    now = database_now()
    return {"today": timezone.localdate(now), "neglected": neglected(_outlooks(None), now=now)}


def _page(site: AdminSite, name: str, title: Any, page: Page) -> Callable[[HttpRequest], HttpResponse]:
    @wraps(page)
    def view(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perms(READS):
            raise PermissionDenied
        context = site.each_context(request) | {"title": title} | page(request)
        return TemplateResponse(request, f"admin/rounds/{name}.html", context)

    return view


def _outlooks(collector: Collector | None) -> list[Outlook]:
    return outlooks(list(_terminals(collector)), as_of=database_now())


def _terminals(collector: Collector | None) -> QuerySet[Terminal]:
    """Those in use, at the facilities that the collector serves or at all."""
    found = Terminal.objects.filter(retired_at=None).select_related("facility")
    if collector:
        served = CollectorFacility.objects.filter(collector=collector)
        found = found.filter(facility__in=served.values("facility"))
    return found.order_by("pk")


def _served_by() -> dict[int, list[str]]:
    """Names of the collectors in use, by the key of each facility that they serve."""
    names: dict[int, list[str]] = defaultdict(list)
    services = CollectorFacility.objects.filter(collector__revoked_at=None).order_by("collector__name")
    for facility_id, name in services.values_list("facility_id", "collector__name"):
        names[facility_id].append(name)
    return names


def _figures(stops: list[Stop]) -> list[tuple[Any, int]]:
    return [
        (_("Collections to make"), len(stops)),
        (_("Asked for"), sum(bool(stop.requests) for stop in stops)),
        (_("Overdue"), sum(stop.is_overdue for stop in stops)),
        (_("Full before the visit"), sum(stop.fills_up for stop in stops)),
    ]


def _month(text: str, today: date) -> date:
    """The first of the month `2026-11`; of this month where there is none such, or it is too far away."""
    this = today.replace(day=1)
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return this
    return month if EARLIEST <= month <= this + timedelta(days=31 * MONTHS_AHEAD) else this
