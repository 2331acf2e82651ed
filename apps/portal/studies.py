"""Studies: the list with its search, and the page of one."""

from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.catalog.models import Instance, Series, Study
from apps.catalog.search import InvalidCriteria, StudyPage, search_studies
from apps.collection.models import Collection
from apps.facilities.doors import FacilityRequest, facility_door
from apps.orders.choosing import MOST_CHOSEN
from apps.portal.conflicts import conflict_context
from apps.portal.looks import list_studies, look_at_study
from apps.portal.numbers import whole_number
from apps.portal.ohif import address_of
from apps.portal.saved_searches import saved_search, saved_searches
from apps.portal.study_period import period_context
from apps.portal.study_search import StudySearchForm, as_form_data, keep_search, kept_search
from apps.vault.models import Pack
from apps.vault.standing import is_damaged

PAGE = 25
SHOWN_INSTANCES = 24
IGNORED = {"csrfmiddlewaretoken", "remove"}


@facility_door()
@require_http_methods(["GET", "HEAD", "POST"])
def study_list(request: FacilityRequest) -> HttpResponse:
    """A search is posted and kept in the session; the address has its key alone."""
    if request.method == "POST":
        return _search(request)
    key = request.GET.get("search", "")
    context: dict[str, Any] = {"saved": saved_searches(request)}
    if (saved := whole_number(request.GET.get("saved", ""))) is not None:
        key, context["chosen_search"] = keep_search(request, saved_search(request, saved).criteria), saved
    criteria = kept_search(request, key)
    context["is_forgotten"] = bool(key) and not criteria
    form = StudySearchForm(as_form_data(criteria))
    return render(request, "portal/study_list.html", context | _results(request, form, key))


def _search(request: FacilityRequest) -> HttpResponse:
    posted = {name: request.POST.getlist(name) for name in request.POST if name not in IGNORED}
    posted = {name: values for name, values in posted.items() if any(values) and name != request.POST.get("remove")}
    form = StudySearchForm(as_form_data(posted))
    if not form.is_valid():
        return _faulty(request, form)
    address = reverse("portal:studies", args=[request.facility.slug])
    key = ""
    if posted:
        key = keep_search(request, posted)
        address = f"{address}?search={key}"
    if request.headers.get("HX-Request"):
        response = render(request, "portal/study_results.html", _results(request, form, key))
        response["HX-Push-Url"] = address
        return response
    return redirect(address)


def _faulty(request: FacilityRequest, form: StudySearchForm) -> HttpResponse:
    """The form with its faults. htmx swaps no more than the results, and throws away what is no success."""
    context = _results(request, form, "") | {"saved": saved_searches(request)}
    if request.headers.get("HX-Request"):
        return render(request, "portal/study_results.html", context | {"fault": form.faults()})
    return render(request, "portal/study_list.html", context, status=422)


def _results(request: FacilityRequest, form: StudySearchForm, key: str) -> dict[str, Any]:
    page, fault = StudyPage([], ""), ""
    after = request.GET.get("after", "")
    if form.is_valid():
        try:
            page = search_studies(request.facility.pk, form.criteria(), after=after, limit=PAGE)
        except InvalidCriteria as error:
            fault = error.message
    if page.studies:
        list_studies(request, len(page.studies))
    chips = form.chips() if form.is_valid() else []
    return {
        "form": form,
        "chips": chips,
        "is_detailed": bool(form.errors),
        "search": key,
        "page": page,
        "after": after,
        "fault": fault,
        "previews": _first_images(request, page.studies),
        "most_chosen": MOST_CHOSEN,
    }


def _first_images(request: FacilityRequest, studies: list[Study]) -> dict[int, int]:
    """An image of each study, by the study's id: one query for the page."""
    rows = (
        Instance.objects.filter(facility=request.facility, series__study__in=studies, has_pixel_data=True)
        .order_by("series__study_id", "series__series_number", "instance_number", "id")
        .distinct("series__study_id")
        .values_list("series__study_id", "id")
    )
    return dict(rows)


@facility_door()
@require_safe
def study_page(request: FacilityRequest, study_id: int) -> HttpResponse:
    """Facts, series with previews, where the bytes are and how they came. The view is recorded."""
    facility = request.facility
    study = get_object_or_404(Study.objects.select_related("patient"), facility=facility, pk=study_id)
    shown = Instance.objects.filter(facility=facility).order_by("instance_number", "id")
    series = list(
        Series.objects.filter(facility=facility, study=study)
        .order_by("series_number", "id")
        .prefetch_related(Prefetch("instances", queryset=shown[:SHOWN_INSTANCES], to_attr="shown_instances"))
    )
    packs = Pack.objects.filter(facility=facility, instances__series__study=study).annotate(is_damaged=is_damaged())
    collections = (
        Collection.objects.filter(facility=facility, files__instance__series__study=study)
        .select_related("reception_record")
        .distinct()
        .order_by("opened_at")
    )
    look_at_study(request, study.pk)
    context = {
        "study": study,
        "series": series,
        "packs": list(packs.distinct().order_by("created_at")),
        "collections": list(collections),
        "shown_instances": SHOWN_INSTANCES,
        "ohif": address_of(request, study.study_instance_uid),
        **period_context(study),
        **conflict_context(study),
    }
    return render(request, "portal/study.html", context)
