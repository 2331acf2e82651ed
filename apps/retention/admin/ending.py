"""The page that shows what ends over all facilities, and where staff must look."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from apps.core.admin import Table, link, link_to, list_of
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.retention.clocks import today
from apps.retention.ending import Standing, ending_within, ends_by_month, over, standings, sweeping, unknown
from apps.retention.explaining import missing_in_words
from apps.retention.models import Disposition, Retention, State

READS = ("retention.view_retention", "retention.view_disposition")
CHART_OPTIONS = {
    "maintainAspectRatio": False,
    "plugins": {"legend": {"display": False}},
    "scales": {"x": {"grid": {"display": False}}, "y": {"beginAtZero": True, "ticks": {"precision": 0}}},
}


def urls(site: AdminSite) -> list[URLPattern]:
    """The page's address, for the model admin that takes it in."""
    return [path("ending/", site.admin_view(_view(site)), name="retention_ending")]


def ending_page() -> dict[str, Any]:
    """What the page says."""
    now = database_now()
    day = today(now)
    found = standings(now)
    ends = ends_by_month(day)
    return {
        "figures": _figures(found, day),
        "chart": _chart(ends),
        "chart_options": json.dumps(CHART_OPTIONS),
        "chart_says": "; ".join(f"{date_format(month, 'F Y')}: {count}" for month, count in ends.items()),
        "by_facility": _by_facility(found),
        "unknown": _unknown(found),
        "sweeping": sweeping(now),
    }


def _view(site: AdminSite) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perms(READS):
            raise PermissionDenied
        context = site.each_context(request) | {"title": _("Ending")} | ending_page()
        return TemplateResponse(request, "admin/retention/ending.html", context)

    return view


def _figures(found: list[Standing], day: date) -> list[tuple[Any, str, str]]:
    waiting, problems = sum(each.waiting for each in found), sum(each.problems for each in found)
    return [
        (_("End within 365 days"), intcomma(ending_within(365, day).count()), list_of(Retention, ends="365")),
        (_("Over, and still stored"), intcomma(over(day).count()), list_of(Retention, ends="over")),
        (_("Waiting for a decision"), intcomma(waiting), list_of(Disposition, state__exact=State.NOTIFIED.value)),
        (_("End unknown"), intcomma(unknown().count()), list_of(Retention, ends="unknown")),
        (_("Problems"), intcomma(problems), list_of(Disposition, problem="yes")),
    ]


def _chart(ends: dict[date, int]) -> str:
    if not any(ends.values()):
        return ""
    bars: dict[str, Any] = {"label": str(_("Studies that end")), "data": list(ends.values())}
    bars |= {"backgroundColor": "var(--color-primary-600)", "borderRadius": 3}
    return json.dumps({"labels": [f"{month:%Y-%m}" for month in ends], "datasets": [bars]})


def _by_facility(found: list[Standing]) -> Table:
    rows = [
        [
            link_to(each.facility),
            _count(each.waiting, Disposition, each.facility, state__exact=State.NOTIFIED.value),
            intcomma(each.overdue),
            _count(each.problems, Disposition, each.facility, problem="yes"),
            _count(each.deleted, Disposition, each.facility, state__exact=State.DELETED.value),
        ]
        for each in found
    ]
    headers = [_("Facility"), _("Waiting for a decision"), _("Of them overdue"), _("Problems"),
               _("Deleted in the last 30 days")]  # fmt: skip
    return Table(_("By facility"), headers, rows)


def _unknown(found: list[Standing]) -> Table:
    rows = [
        [link_to(each.facility), missing_in_words([name])[0], _count(count, Retention, each.facility, ends="unknown")]
        for each in found
        for name, count in each.untold.most_common()
    ]
    return Table(_("Unknown ends, by what has not been told"), [_("Facility"), _("Not told"), _("Studies")], rows)


def _count(
    count: int, model: type[Disposition | Retention], facility: Facility, **lookups: str
) -> SafeString | str:  # fmt: skip
    if not count:
        return "0"
    href = list_of(model, facility__id__exact=facility.pk, **lookups)
    return link(href, intcomma(count))
