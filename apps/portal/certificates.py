"""Deletion certificates: the signed JWS, and the document with it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from apps.facilities.doors import FacilityRequest, facility_door
from apps.retention.certificate_document import certificate_pdf
from apps.retention.certificates import number_of
from apps.retention.models import Disposition, State


@facility_door()
@require_safe
def signed(request: FacilityRequest, disposition_id: int) -> HttpResponse:
    """The certificate as it was signed."""
    disposition = _deleted(request, disposition_id)
    return _file(disposition, disposition.certificate.encode(), "jws", "application/jose")


@facility_door()
@require_safe
def document(request: FacilityRequest, disposition_id: int) -> HttpResponse:
    """The certificate to file: PDF/A, with the signed one within."""
    disposition = _deleted(request, disposition_id)
    return _file(disposition, certificate_pdf(disposition), "pdf", "application/pdf")


def _deleted(request: FacilityRequest, disposition_id: int) -> Disposition:
    deleted = Disposition.objects.select_related("facility").filter(facility=request.facility, state=State.DELETED)
    return get_object_or_404(deleted, pk=disposition_id)


def _file(disposition: Disposition, content: bytes, suffix: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{number_of(disposition)}.{suffix}"'
    return response
