"""Receipts to keep: the signed text, as it was given."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from apps.collection.models import Receipt
from apps.facilities.doors import FacilityRequest, facility_door


@facility_door()
@require_safe
def download(request: FacilityRequest, collection_id: int, kind: str) -> HttpResponse:
    """A receipt as compact JWS, which any JOSE library verifies."""
    receipt = get_object_or_404(
        Receipt.objects.select_related("collection"), facility=request.facility, collection=collection_id, kind=kind
    )
    name = f"{request.facility.slug}-{receipt.collection.uid}-{receipt.kind}.jws"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(receipt.jws, content_type="application/jose", headers=headers)
