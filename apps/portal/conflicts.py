"""Images that contradict stored ones, and what the center's staff decided."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.catalog.models import Conflict, Study
from apps.facilities.doors import FacilityRequest, facility_door
from apps.portal.looks import list_studies
from apps.portal.numbers import whole_number

PAGE = 25
SHOWN_OF_STUDY = 5
OPEN = "open"


@facility_door()
@require_safe
def conflict_list(request: FacilityRequest) -> HttpResponse:
    """Newest first; `show=open` leaves out what is decided, `study` all but one study's."""
    found = Conflict.objects.filter(facility=request.facility).select_related("study__patient")
    show = OPEN if request.GET.get("show") == OPEN else ""
    if show:
        found = found.filter(resolved_at=None)
    if (study := whole_number(request.GET.get("study", ""))) is not None:
        found = found.filter(study=study)
    if (before := whole_number(request.GET.get("before", ""))) is not None:
        found = found.filter(pk__lt=before)
    page = list(found.order_by("-pk")[: PAGE + 1])
    if page:
        list_studies(request, len({conflict.study_id for conflict in page[:PAGE]}))
    context = {
        "conflicts": page[:PAGE],
        "show": show,
        "study": study,
        "query": f"show={show}" + ("" if study is None else f"&study={study}"),
        "before": before,
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
    }
    return render(request, "portal/conflict_list.html", context)


def conflict_context(study: Study) -> dict[str, Any]:
    """What the study's page tells of them: the newest, and whether there are more."""
    found = list(
        Conflict.objects.filter(facility_id=study.facility_id, study=study).order_by("-pk")[: SHOWN_OF_STUDY + 1]
    )
    return {"conflicts": found[:SHOWN_OF_STUDY], "has_more_conflicts": len(found) > SHOWN_OF_STUDY}
