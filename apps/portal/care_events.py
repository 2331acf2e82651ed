"""Care events of one patient: what the facility has told, and telling more."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import User
from apps.catalog.models import Patient
from apps.core.errors import DomainError
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.portal.looks import look_at_patient
from apps.retention.care_event_lists import EVENTS
from apps.retention.care_events import report, told_of
from apps.retention.explaining import missing_in_words
from apps.retention.models import CareEventKind, Retention


class CareEventForm(forms.Form):
    """What happened when. A birth date is told where the images do not tell it."""

    kind = forms.ChoiceField(label=gettext_lazy("What"), choices=CareEventKind)
    happened_on = forms.DateField(label=gettext_lazy("When"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, patient: Patient, data: Any = None) -> None:
        super().__init__(data)
        if patient.birth_date is None:
            self.fields["kind"].choices = EVENTS  # type: ignore[attr-defined]


@facility_door()
@require_safe
def patient_page(request: FacilityRequest, patient_id: int) -> HttpResponse:
    """What was told of a patient, and what their studies wait for. The view is recorded."""
    patient = _patient(request, patient_id)
    look_at_patient(request, patient.pk)
    return _page(request, patient, CareEventForm(patient))


@facility_door(role=Role.MEMBER)
@require_POST
def tell(request: FacilityRequest, patient_id: int) -> HttpResponse:
    """Add an event, or the birth date."""
    patient = _patient(request, patient_id)
    form = CareEventForm(patient, request.POST)
    if not form.is_valid():
        return _page(request, patient, form, status=422)
    try:
        is_new = _told(request, patient, form.cleaned_data["kind"], form.cleaned_data["happened_on"])
    except DomainError as error:
        form.add_error("happened_on", error.message)
        return _page(request, patient, form, status=422)
    if is_new:
        messages.success(request, _("Noted. The storage periods follow within a minute."))
    else:
        messages.info(request, _("That was known already."))
    return redirect("portal:care_events", facility_slug=request.facility.slug, patient_id=patient.pk)


def _told(request: FacilityRequest, patient: Patient, event: str, on: date) -> bool:
    assert isinstance(request.user, User)
    return report(patient, event=event, on=on, actor=request.actor, now=timezone.now(), by=request.user)


def _patient(request: FacilityRequest, patient_id: int) -> Patient:
    return get_object_or_404(Patient, facility=request.facility, pk=patient_id)


def _page(request: FacilityRequest, patient: Patient, form: CareEventForm, *, status: int = 200) -> HttpResponse:
    retentions = Retention.objects.filter(facility=request.facility, study__patient=patient)
    studies = retentions.select_related("study").order_by("-study__study_date", "pk")
    context = {
        "patient": patient,
        "form": form,
        "told": told_of(patient),
        "studies": [(each, ", ".join(missing_in_words(each.missing))) for each in studies],
    }
    return render(request, "portal/care_events.html", context, status=status)
