"""The facility's first page: what is stored, what came last, what needs attention."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from apps.catalog.models import Conflict, Patient, Study
from apps.collection.models import Collection, State
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Facility
from apps.portal.chart import Chart, stacked_bars
from apps.portal.fixity_line import fixity_line
from apps.vault.models import Pack
from apps.vault.standing import Fixity, fixity_of

MONTHS = 12
LATEST = 5
SLOW_COPY = timedelta(minutes=15)
SHOWN_MODALITIES = 5


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that needs a person."""

    tone: str
    title: str
    text: str
    is_about_collections: bool = True


@facility_door()
@require_safe
def dashboard(request: FacilityRequest) -> HttpResponse:
    """Figures, chart, last collections and notices."""
    now = timezone.now()
    facility = request.facility
    collections = Collection.objects.filter(facility=facility).order_by("-opened_at", "-id")
    fixity = fixity_of(facility)
    context = {
        "totals": _totals(facility),
        "fixity_line": fixity_line(fixity),
        "chart": _received_by_month(facility, now),
        "notices": [*_damage(fixity), *_notices(facility, now)],
        "latest": list(collections.select_related("reception_record")[:LATEST]),
    }
    return render(request, "portal/dashboard.html", context)


def _totals(facility: Facility) -> dict[str, Any]:
    totals = Study.objects.filter(facility=facility, instance_count__gt=0).aggregate(
        studies=Count("pk"), images=Sum("instance_count", default=0), size_bytes=Sum("size_bytes", default=0)
    )
    packs = Pack.objects.filter(facility=facility)
    return totals | {
        "patients": Patient.objects.filter(facility=facility).count(),
        "waiting_packs": packs.filter(replicated_at=None).count(),
    }


def _received_by_month(facility: Facility, now: datetime) -> Chart:
    months = _last_months(timezone.localdate(now))
    rows = (
        Study.objects.filter(facility=facility, created_at__date__gte=months[0])
        .annotate(month=TruncMonth("created_at"))
        .values("month", "modalities_in_study__0")
        .annotate(images=Sum("instance_count"))
    )
    by_modality: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        by_modality[row["modalities_in_study__0"] or ""][row["month"].date()] += row["images"]
    ranked = sorted(filter(None, by_modality), key=lambda name: -sum(by_modality[name].values()))
    shown = ranked[:SHOWN_MODALITIES]
    series = {name: [by_modality[name][month] for month in months] for name in shown}
    if rest := by_modality.keys() - shown:
        series[_("Other")] = [sum(by_modality[name][month] for name in rest) for month in months]
    return stacked_bars(months, series)


def _last_months(today: date) -> list[date]:
    first = today.replace(day=1)
    months = [first]
    while len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months[::-1]


def _damage(fixity: Fixity) -> list[Notice]:
    if not (count := fixity.open_findings):
        return []
    text = ngettext(
        "%(count)d pack does not match its record, in one place or in both. The center's staff has been told.",
        "%(count)d packs do not match their record, in one place or in both. The center's staff has been told.",
        count,
    )
    return [Notice("danger", _("Damage found"), text % {"count": count}, is_about_collections=False)]


def _notices(facility: Facility, now: datetime) -> list[Notice]:
    collections = Collection.objects.filter(facility=facility)
    quarantined = collections.aggregate(count=Sum("quarantined_count", default=0))["count"]
    conflicts = Conflict.objects.filter(facility=facility, resolved_at=None).count()
    late = collections.filter(state=State.RECEIVED, received_at__lt=now - SLOW_COPY).count()
    interrupted = collections.filter(state__in=[State.PARTIAL, State.FAILED]).count()
    found = [
        (late, "warning", _("Second copy is late"), _("%(count)d collections wait for their copy in the replica.")),
        (interrupted, "warning", _("Interrupted collections"), _("%(count)d collections ended early: send again.")),
        (conflicts, "info", _("Images in conflict"), _("%(count)d images contradict stored ones.")),
        (quarantined, "info", _("In quarantine"), _("%(count)d files could not be read and are kept.")),
    ]  # fmt: skip
    return [Notice(tone, title, text % {"count": count}) for count, tone, title, text in found if count]
