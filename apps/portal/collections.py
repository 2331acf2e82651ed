"""Collections: the list, and the page of one with its files."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.collection.models import Collection, Outcome, QuarantineDecision, Receipt, ReceivedFile, State, Terminal
from apps.collection.progress import UNDER_WAY, arriving, progress_of
from apps.collection.reconciliation import left_by_reason, reconcile
from apps.collection.schedule import Outlook, outlooks
from apps.facilities.doors import FacilityRequest, facility_door
from apps.portal.numbers import whole_number
from apps.portal.timeline import happened, planned

PAGE = 25
ATTENTION = "attention"
FILES = 50


@facility_door()
@require_safe
def collection_list(request: FacilityRequest) -> HttpResponse:
    """Newest first; `before` is the id of the last one seen, `show=attention` leaves out those where all is well."""
    found = Collection.objects.filter(facility=request.facility).select_related("reception_record", "terminal")
    if needs_attention := request.GET.get("show") == ATTENTION:
        found = found.exclude(state=State.STORED, quarantined_count=0, conflict_count=0)
    if (before := whole_number(request.GET.get("before", ""))) is not None:
        found = found.filter(pk__lt=before)
    page = list(found.order_by("-pk")[: PAGE + 1])
    watched = _watched(request) if before is None and not needs_attention else []
    context = {
        "collections": page[:PAGE],
        "months": happened(
            request.facility, page[:PAGE], is_first=before is None, is_last=len(page) <= PAGE, is_alone=needs_attention
        ),
        "planned": planned(watched),
        "wishes": [(wish, each.terminal) for each in watched for wish in each.requests],
        "has_terminals": bool(watched),
        "before": before,
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "show": ATTENTION if needs_attention else "",
        "arriving": arriving(request.facility, now=timezone.now()),
        "is_under_way": any(each.state in UNDER_WAY for each in page),
    }
    return render(request, "portal/collection_list.html", context)


def _watched(request: FacilityRequest) -> list[Outlook]:
    terminals = Terminal.objects.filter(facility=request.facility, retired_at=None).select_related("facility")
    return outlooks(list(terminals.order_by("name", "pk")), as_of=timezone.now())


@facility_door()
@require_safe
def collection_page(request: FacilityRequest, collection_id: int) -> HttpResponse:
    """The reception record, what became of the files, and the files, of one outcome or of all."""
    collection = get_object_or_404(
        Collection.objects.select_related("reception_record__device_token", "reception_record__user", "terminal"),
        facility=request.facility,
        pk=collection_id,
    )
    files = ReceivedFile.objects.filter(facility=request.facility, collection=collection).select_related(
        "instance__series", "conflict"
    )
    outcome = request.GET.get("outcome", "")
    if outcome in Outcome.values:
        files = files.filter(outcome=outcome)
    if (after := whole_number(request.GET.get("after", ""))) is not None:
        files = files.filter(pk__gt=after)
    page = list(files.order_by("pk")[: FILES + 1])
    context = {
        "collection": collection,
        "progress": progress_of(collection),
        "counts": _counts(collection),
        "reconciled": reconcile(collection),
        "left": left_by_reason(collection),
        "receipts": Receipt.objects.filter(facility=request.facility, collection=collection).order_by("pk"),
        "files": page[:FILES],
        "decisions": _decisions(collection, page),
        "outcome": outcome,
        "after": after,
        "next": page[FILES - 1].pk if len(page) > FILES else None,
    }
    return render(request, "portal/collection.html", context)


def _decisions(collection: Collection, files: list[ReceivedFile]) -> dict[int, QuarantineDecision]:
    """What the center's staff decided last on quarantined files, by the files' numbers."""
    found = QuarantineDecision.objects.filter(
        facility_id=collection.facility_id, file_number__in=[file.pk for file in files]
    )
    return {decision.file_number: decision for decision in found.order_by("round")}


def _counts(collection: Collection) -> list[tuple[str, str, int]]:
    """Outcome, label, number of files."""
    return [(outcome.value, str(outcome.label), getattr(collection, f"{outcome}_count")) for outcome in Outcome]
