"""Searches that a person keeps under a name, in one facility: theirs alone, on the server; addresses hold the key."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.catalog.models import SavedSearch
from apps.facilities.doors import FacilityRequest, facility_door
from apps.portal.study_search import StudySearchForm, as_form_data, kept_search

MOST = 20


class NameForm(forms.Form):
    """What a search is called, and the key that the session knows it by."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    search = forms.CharField(max_length=20)


@facility_door()
@require_POST
def keep(request: FacilityRequest) -> HttpResponse:
    """Keep the search of a key under a name; one of that name is replaced."""
    form = NameForm(request.POST)
    criteria = kept_search(request, request.POST.get("search", ""))
    own, name = _own(request), form.data.get("name", "").strip()
    if not form.is_valid() or not criteria or not StudySearchForm(as_form_data(criteria)).is_valid():
        messages.error(request, _("Search for something first, and give it a name of 60 characters at most."))
    elif own.count() >= MOST and not own.filter(name=name).exists():
        messages.error(request, _("Twenty searches are kept at most. Forget one first."))
    else:
        facts: dict[str, Any] = {"criteria": criteria, "saved_at": timezone.now()}
        saved, _is_new = own.update_or_create(
            facility=request.facility, user_id=request.user.pk or 0, name=form.cleaned_data["name"], defaults=facts
        )
        return redirect(f"{_list(request)}?saved={saved.pk}")
    return redirect("portal:studies", facility_slug=request.facility.slug)


@facility_door()
@require_POST
def forget(request: FacilityRequest, search_id: int) -> HttpResponse:
    """Forget one of one's own."""
    saved_search(request, search_id).delete()
    return redirect(_list(request))


def saved_searches(request: FacilityRequest) -> list[SavedSearch]:
    """Of this person, by name."""
    return list(_own(request).order_by("name").defer("criteria")[:MOST])


def saved_search(request: FacilityRequest, search_id: int) -> SavedSearch:
    """One of this person's, or 404."""
    return get_object_or_404(_own(request), pk=search_id)


def _own(request: FacilityRequest) -> QuerySet[SavedSearch]:
    return SavedSearch.objects.filter(facility=request.facility, user_id=request.user.pk or 0)


def _list(request: FacilityRequest) -> str:
    return reverse("portal:studies", kwargs={"facility_slug": request.facility.slug})
