"""A sheet of film or paper as it will look, before it is ordered."""

from itertools import islice

from django.http import Http404, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe

from apps.core.ranges import AFTER_ASKING
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.orders.choosing import instances_of
from apps.orders.errors import InvalidOptions
from apps.orders.kinds import KINDS
from apps.orders.kinds.sheets import Sheets
from apps.orders.sheets.planning import planned
from apps.orders.sheets.previewing import sheet_preview, sheet_tag
from apps.portal.cart import kept
from apps.portal.looks import look_at_image

SMALL, LARGE = 480, 1400


@facility_door(role=Role.MEMBER)
@require_safe
def sheet(request: FacilityRequest, number: int) -> HttpResponse:
    """A sheet of what is chosen, as a picture; the query says how it is wanted. Kept here and in the browser."""
    kind = KINDS.get(request.GET.get("kind", ""))
    if not isinstance(kind, Sheets) or not 0 < number < 1000:
        raise Http404
    options = kind.options(request.facility, request.GET.dict())
    side = LARGE if "large" in request.GET else SMALL
    try:
        sheets = planned(request.facility.pk, instances_of(request.facility.pk, kept(request)), options.chosen)
        found = next(islice(sheets, number - 1, None), None)
    except InvalidOptions:
        found = None
    if found is None:
        raise Http404
    look_at_image(request, found.study.pk)
    etag = f'"{sheet_tag(request.facility, found, options.chosen)}-{request.GET["kind"]}-{side}"'
    headers = {"ETag": etag, "Cache-Control": AFTER_ASKING}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers=headers)
    content = sheet_preview(request.facility, found, options.chosen, is_dark=kind.is_dark, longest_side=side)
    return HttpResponse(content, content_type="image/png", headers=headers)
