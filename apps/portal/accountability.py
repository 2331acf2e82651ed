"""What the center promises and shows: both copies, receipts, certificates, and the signed heads of the record."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.collection.models import Receipt
from apps.core.clock import day_of
from apps.evidence.holdings import holdings_of
from apps.evidence.models import Checkpoint, Report
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.portal.fixity_line import fixity_line
from apps.portal.report import ReportForm
from apps.portal.safety import safety_of
from apps.retention.models import Disposition, State
from apps.vault.models import Finding
from apps.vault.standing import Fixity

SHOWN = 5


@facility_door()
@require_safe
def accountability(request: FacilityRequest) -> HttpResponse:
    """The newest of everything; owners find the access record and reports here, too."""
    facility, now = request.facility, timezone.now()
    holdings = holdings_of(facility, now=now)
    safety = safety_of(facility, holdings, now=now)
    deleted = Disposition.objects.filter(facility=facility, state=State.DELETED).defer("contents", "certificate")
    fixity = Fixity(holdings.copied_packs, holdings.verified_oldest_at, holdings.verified_newest_at, safety.damaged)
    context = {
        "holdings": holdings,
        "safety": safety,
        "fixity_line": fixity_line(fixity),
        "findings": Finding.objects.filter(facility=facility).order_by("-pk")[:SHOWN],
        "receipts": Receipt.objects.filter(facility=facility).select_related("collection").order_by("-pk")[:SHOWN],
        "deleted": deleted.order_by("-pk")[:SHOWN],
        "checkpoints": Checkpoint.objects.filter(facility=facility).order_by("-until")[:SHOWN],
    }
    if request.role == Role.OWNER:
        reports = Report.objects.filter(facility=facility).defer("facts", "jws").order_by("-pk")
        context |= {"reports": reports[:SHOWN], "form": ReportForm(today=day_of(now, facility.time_zone))}
    return render(request, "portal/accountability.html", context)


@facility_door()
@require_safe
def checkpoint(request: FacilityRequest, checkpoint_id: int) -> HttpResponse:
    """A signed head of the record, to be kept outside of the center."""
    found = get_object_or_404(Checkpoint, facility=request.facility, pk=checkpoint_id)
    name = f"{request.facility.slug}-checkpoint-{found.until:%Y-%m-%d}.jws"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(found.jws, content_type="application/jose", headers=headers)
