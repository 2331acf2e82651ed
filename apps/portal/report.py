"""Evidence reports for an inspector: asked for by an owner, followed while they are made, fetched signed."""

from datetime import date, timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import User
from apps.core.acting import attempt
from apps.core.clock import day_of
from apps.core.errors import DomainError
from apps.evidence.models import Report, ReportState
from apps.evidence.periods import NoSuchPeriod
from apps.evidence.report_document import fetch
from apps.evidence.reporting import WAITED_FOR, cancel_report, check_period, request_report
from apps.evidence.tasks import announce_report
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role


class ReportForm(forms.Form):
    """The days that a report is about: the last twelve months, where nothing else is wanted."""

    first_on = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last_on = forms.DateField(label=_("To"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        self.today = today
        yesterday = today - timedelta(days=1)
        super().__init__(*args, **kwargs)
        self.initial = {"first_on": yesterday - timedelta(days=364), "last_on": yesterday}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        try:
            if given.keys() >= {"first_on", "last_on"}:
                check_period(given["first_on"], given["last_on"], today=self.today)
        except NoSuchPeriod as error:
            self.add_error(error.field, error.message)
        return given


@facility_door(role=Role.OWNER)
@require_POST
def ask(request: FacilityRequest) -> HttpResponse:
    """Have one made."""
    form = ReportForm(request.POST, today=day_of(timezone.now(), request.facility.time_zone))
    if not form.is_valid():
        return render(request, "portal/report_form.html", {"form": form}, status=422)
    user = request.user
    try:
        report = request_report(
            request.facility, **form.cleaned_data, by=user if isinstance(user, User) else None, actor=request.actor,
            now=timezone.now(),
        )  # fmt: skip
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("portal:accountability", facility_slug=request.facility.slug)
    transaction.on_commit(announce_report)
    return redirect("portal:report", facility_slug=request.facility.slug, report_id=report.pk)


@facility_door(role=Role.OWNER)
@require_safe
def report_page(request: FacilityRequest, report_id: int) -> HttpResponse:
    """How far it is; and what it says, once it is ready."""
    report = get_object_or_404(Report.objects.defer("jws"), facility=request.facility, pk=report_id)
    return render(request, "portal/report.html", {"report": report, "is_making": report.state in WAITED_FOR})


@facility_door(role=Role.OWNER)
@require_POST
def cancel(request: FacilityRequest, report_id: int) -> HttpResponse:
    """Nobody waits for it any more."""
    report = get_object_or_404(Report.objects.defer("jws"), facility=request.facility, pk=report_id)
    attempt(request, partial(cancel_report, report, actor=request.actor), done=_("The report is not made."))
    return redirect("portal:report", facility_slug=request.facility.slug, report_id=report.pk)


@facility_door(role=Role.OWNER)
@require_safe
def report_file(request: FacilityRequest, report_id: int, form: str) -> HttpResponse:
    """The document (`pdf`), or the signed facts alone (`jws`)."""
    ready = Report.objects.select_related("facility").filter(facility=request.facility, state=ReportState.READY)
    report = get_object_or_404(ready, pk=report_id)
    if form not in {"pdf", "jws"}:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{request.facility.slug}-{report}.{form}"'}
    content_type = "application/pdf" if form == "pdf" else "application/jose"
    return HttpResponse(fetch(report, form, actor=request.actor), content_type=content_type, headers=headers)
