"""Terminals: how full they are, when a visit is due, and asking for a collection."""

from datetime import date, datetime, time

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import User
from apps.collection.enrolment import allow_restores, issue_code, may_restore
from apps.collection.models import Collection, CollectionRequest, Reason, Terminal
from apps.collection.requests import request_collection, withdraw_request
from apps.collection.schedule import outlooks
from apps.core.clock import ImplausibleTime, database_now
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.portal.capacity_chart import capacity_chart
from apps.portal.set_up import set_up_of

RECENT = 8


class RequestForm(forms.Form):
    """A wish for a collection: why, by when, and what the operator should know."""

    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=Reason)
    due_on = forms.DateField(
        label=gettext_lazy("Wanted by"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("For the operator. Please name no patients."),
    )

    def clean_due_on(self) -> date | None:
        due_on: date | None = self.cleaned_data["due_on"]
        if due_on and due_on < timezone.localdate():
            raise forms.ValidationError(gettext_lazy("That day has passed."))
        return due_on


@facility_door()
@require_safe
def terminal_list(request: FacilityRequest) -> HttpResponse:
    """Every terminal in use."""
    context = {"outlooks": outlooks(list(_terminals(request).order_by("name", "pk")), as_of=timezone.now())}
    return render(request, "portal/terminal_list.html", context)


@facility_door()
@require_safe
def terminal_page(request: FacilityRequest, terminal_id: int) -> HttpResponse:
    """One terminal: its disk over time, its visits, what is wanted."""
    return _page(request, _terminal(request, terminal_id), RequestForm())


@facility_door(role=Role.MEMBER)
@require_POST
def ask(request: FacilityRequest, terminal_id: int) -> HttpResponse:
    """Ask for a collection."""
    terminal = _terminal(request, terminal_id)
    form = RequestForm(request.POST)
    if not form.is_valid():
        return _page(request, terminal, form, status=422)
    due_on = form.cleaned_data["due_on"]
    user = request.user
    try:
        request_collection(
            terminal,
            reason=form.cleaned_data["reason"],
            note=form.cleaned_data["note"],
            due_at=timezone.make_aware(datetime.combine(due_on, time.max)) if due_on else None,
            actor=request.actor,
            now=timezone.now(),
            by=user if isinstance(user, User) else None,
        )
    except ImplausibleTime as error:
        form.add_error("due_on", error.message)
        return _page(request, terminal, form, status=422)
    messages.success(request, _("The center is asked for a collection."))
    return redirect("portal:terminal", facility_slug=request.facility.slug, terminal_id=terminal.pk)


@facility_door(role=Role.MEMBER)
@require_POST
def withdraw(request: FacilityRequest, request_id: int) -> HttpResponse:
    """Take back a wish that was not answered yet."""
    wish = get_object_or_404(CollectionRequest, facility=request.facility, pk=request_id)
    withdraw_request(wish, actor=request.actor, now=timezone.now())
    wish.refresh_from_db()
    if wish.answered_at:
        messages.info(request, _("It was collected meanwhile: nothing is left to be withdrawn."))
    else:
        messages.success(request, _("The request is withdrawn."))
    return redirect("portal:terminal", facility_slug=request.facility.slug, terminal_id=wish.terminal_id)


@facility_door(role=Role.OWNER)
@never_cache
@require_POST
def give_code(request: FacilityRequest, terminal_id: int) -> HttpResponse:
    """An enrolment code, in this answer and nowhere else."""
    terminal = _terminal(request, terminal_id)
    code = issue_code(terminal, actor=request.actor, now=database_now())
    return _page(request, terminal, RequestForm(), code=code)


@facility_door(role=Role.OWNER)
@require_POST
def let_restore(request: FacilityRequest, terminal_id: int) -> HttpResponse:
    """Let a terminal that enrolled long ago fetch what was ordered to come back."""
    terminal = _terminal(request, terminal_id)
    allow_restores(terminal, actor=request.actor)
    messages.success(request, _("The terminal may fetch restores now."))
    return redirect("portal:terminal", facility_slug=request.facility.slug, terminal_id=terminal.pk)


def _terminals(request: FacilityRequest) -> QuerySet[Terminal]:
    found = Terminal.objects.filter(facility=request.facility, retired_at=None)
    return found.select_related("facility", "device_token")


def _terminal(request: FacilityRequest, terminal_id: int) -> Terminal:
    return get_object_or_404(_terminals(request), pk=terminal_id)


def _page(
    request: FacilityRequest, terminal: Terminal, form: RequestForm, *, code: str = "", status: int = 200
) -> HttpResponse:
    [outlook] = outlooks([terminal], as_of=timezone.now())
    full_on = outlook.forecast.full_on if outlook.forecast else None
    recent = Collection.objects.filter(facility=request.facility, terminal=terminal)
    context = {
        "terminal": terminal,
        "outlook": outlook,
        "set_up": set_up_of(outlook),
        "chart": capacity_chart(outlook.readings, limit_percent=outlook.wanted_from_percent, full_on=full_on),
        "collections": recent.select_related("reception_record").order_by("-opened_at")[:RECENT],
        "form": form,
        "code": code,
        "may_restore": may_restore(terminal),
    }
    return render(request, "portal/terminal.html", context, status=status)
