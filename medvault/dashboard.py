"""The first page of the center's workplace: a person's queues, or the overview of what is stored, waits and came in."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from apps.catalog.models import Conflict, Study
from apps.collection.models import Collection, Outcome, ReceivedFile
from apps.collection.quarantine import undecided
from apps.core.admin import Table, link_to, list_of
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.retention.ending import stuck, sweeping, unknown, waiting
from apps.retention.models import Correction, Disposition, Retention, State
from apps.vault.models import Finding, Pack
from apps.vault.standing import not_read_in_time
from medvault.workplace.starts import starts_of

OVERVIEW, WORK = "overview", "work"
CHART_OPTIONS = {
    "maintainAspectRatio": False,
    "plugins": {"legend": {"display": False}},
    "scales": {"x": {"grid": {"display": False}}, "y": {"beginAtZero": True, "ticks": {"precision": 0}}},
}
DAYS = 30
LATEST = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, what it counts and where its rows are; `is_pressing` when somebody should look."""

    title: str
    value: str
    href: str
    is_pressing: bool = False


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds what templates/admin/index.html shows to those who may read it."""
    starts = starts_of(request.user)
    wanted = request.GET.get(WORK, starts[0].key if starts else OVERVIEW)
    start = next((each for each in starts if each.key == wanted), None)
    now = database_now()
    context |= {"starts": starts, "start": start}
    if request.user.has_perm("retention.view_disposition"):
        context["obstacle"] = sweeping(now).obstacle
    if start:
        return context | {"queues": start.queues(now), "now": now}
    return context | _overview(request)


def _overview(request: HttpRequest) -> dict[str, Any]:
    may = request.user.has_perm
    context: dict[str, Any] = {}
    if may("catalog.view_study"):
        context["stored"] = list(_stored())
    if may("collection.view_collection"):
        now = database_now()
        context["waiting"] = [*_waiting(now), *_damaged(now)]
        context["days"] = DAYS
        context["chart"], context["chart_options"] = _chart(now), json.dumps(CHART_OPTIONS)
        context["latest"] = _latest()
    if may("retention.view_disposition"):
        context["ending"] = list(_ending())
    return context


def _stored() -> Iterator[Figure]:
    totals = Study.objects.aggregate(studies=Count("pk"), images=Sum("instance_count"), size=Sum("size_bytes"))
    yield Figure(_("Facilities"), intcomma(Facility.objects.count()), list_of(Facility))
    yield Figure(_("Studies"), intcomma(totals["studies"]), list_of(Study))
    yield Figure(_("Images"), intcomma(totals["images"] or 0), list_of(Study))
    yield Figure(_("Stored"), filesizeformat(totals["size"] or 0), list_of(Pack))


def _waiting(now: datetime) -> Iterator[Figure]:
    packs = Pack.objects.filter(replicated_at=None).count()
    quarantined = undecided(as_of=now.date()).count()
    conflicts = Conflict.objects.filter(resolved_at=None).count()
    yield Figure(_("Packs waiting for the second copy"), intcomma(packs), list_of(Pack, replicated="no"))
    yield Figure(
        _("Quarantined files"),
        intcomma(quarantined),
        list_of(ReceivedFile, outcome__exact=Outcome.QUARANTINED.value, decided="no"),
        is_pressing=quarantined > 0,
    )
    yield Figure(_("Open conflicts"), intcomma(conflicts), list_of(Conflict, resolved="no"), is_pressing=conflicts > 0)


def _damaged(now: datetime) -> Iterator[Figure]:
    damaged = Finding.objects.filter(resolved_at=None).count()
    late = not_read_in_time(now).count()
    yield Figure(_("Open findings"), intcomma(damaged), list_of(Finding, resolved="no"), is_pressing=damaged > 0)
    yield Figure(_("Packs not read again in time"), intcomma(late), list_of(Pack, in_time="no"), is_pressing=late > 0)


def _ending() -> Iterator[Figure]:
    unknowns, decisions, problems = unknown().count(), waiting().count(), stuck().count()
    corrections = Correction.objects.filter(decided_at=None).count()
    yield Figure(_("Storage periods unknown"), intcomma(unknowns), list_of(Retention, ends="unknown"))
    decide = list_of(Disposition, state__exact=State.NOTIFIED.value)
    yield Figure(_("Waiting for a facility's decision"), intcomma(decisions), decide)
    yield Figure(_("Deletions with a problem"), intcomma(problems), list_of(Disposition, problem="yes"), problems > 0)
    to_decide = list_of(Correction, decided="no")
    yield Figure(_("Corrections to decide"), intcomma(corrections), to_decide, corrections > 0)


def _chart(now: datetime) -> str:
    """Collections a day (UTC) as Chart.js takes them; empty when there were none."""
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - 1)
    found = (
        Collection.objects.filter(opened_at__gte=first)
        .annotate(day=TruncDate("opened_at"))
        .values_list("day")
        .annotate(Count("pk"))
        .order_by("day")
    )
    counts = dict(found)
    if not counts:
        return ""
    days = [first.date() + timedelta(days=number) for number in range(DAYS)]
    bars: dict[str, Any] = {"label": _("Collections"), "data": [counts.get(day, 0) for day in days]}
    bars |= {"backgroundColor": "var(--color-primary-600)", "borderRadius": 3}
    return json.dumps({"labels": [f"{day:%m-%d}" for day in days], "datasets": [bars]})


def _latest() -> Table:
    rows = [
        [
            link_to(row),
            row.facility.name,
            row.get_method_display(),
            row.get_state_display(),
            row.opened_at,
            intcomma(row.file_count),
            filesizeformat(row.size_bytes),
        ]
        for row in Collection.objects.select_related("facility").order_by("-pk")[:LATEST]
    ]
    headers = [_("Collection"), _("Facility"), _("Method"), _("State"), _("Opened"), _("Files"), _("Size")]
    return Table(_("Latest collections"), headers, rows, list_of(Collection))
