"""Receipts: to read and print, and to keep as they were signed."""

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.audit.signing import NotSigned, checked
from apps.collection.models import Receipt
from apps.collection.receipts import TYP
from apps.evidence.proofs import head_over, inclusion_of, recorded_late
from apps.facilities.doors import FacilityRequest, facility_door

SETS = 500


@facility_door()
@require_safe
def shown(request: FacilityRequest, collection_id: int, kind: str) -> HttpResponse:
    """A receipt in words, its signature checked."""
    receipt = _receipt(request, collection_id, kind)
    try:
        claims = checked(receipt.jws, typ=TYP)
    except NotSigned:
        claims = {}
    sets = claims.get("sets", [])
    context = {
        "receipt": receipt,
        "claims": claims,
        "sets": [(each, len(each["files"]), sum(file["length"] for file in each["files"])) for each in sets[:SETS]],
        "more_sets": max(len(sets) - SETS, 0),
        "files": sum(len(each["files"]) for each in sets),
        "head": head_over(receipt),
        "recorded_late": recorded_late(receipt),
    }
    return render(request, "portal/shown_receipt.html", context)


@facility_door()
@require_safe
def download(request: FacilityRequest, collection_id: int, kind: str) -> HttpResponse:
    """A receipt as compact JWS, which any JOSE library verifies."""
    receipt = _receipt(request, collection_id, kind)
    name = f"{request.facility.slug}-{receipt.collection.uid}-{receipt.kind}.jws"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(receipt.jws, content_type="application/jose", headers=headers)


@facility_door()
@require_safe
def proof(request: FacilityRequest, collection_id: int, kind: str) -> HttpResponse:
    """That a receipt is on the signed record, as JSON, which `medvault-edge verify` checks."""
    receipt = _receipt(request, collection_id, kind)
    found = inclusion_of(receipt)
    if found is None:
        raise Http404
    name = f"{request.facility.slug}-{receipt.collection.uid}-{receipt.kind}-proof.json"
    return JsonResponse(found.as_json(), headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _receipt(request: FacilityRequest, collection_id: int, kind: str) -> Receipt:
    receipts = Receipt.objects.select_related("collection__terminal")
    return get_object_or_404(receipts, facility=request.facility, collection=collection_id, kind=kind)
