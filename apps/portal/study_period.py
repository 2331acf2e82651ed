"""One study's storage period: why it is kept until when, keeping it longer, holding it."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.catalog.holds import ask_release, place_hold, release_hold
from apps.catalog.models import Hold, HoldKind, Study
from apps.core.acting import attempt
from apps.core.shown import day
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.retention.deciding import EXTENSIONS, extend
from apps.retention.explaining import explained, missing_in_words
from apps.retention.models import Extension, Retention


class KeepForm(forms.Form):
    """Keeping a study longer: for a period, or by a hold that has no date."""

    period = forms.ChoiceField(
        label=gettext_lazy("How long"),
        choices=[
            ("P1Y", gettext_lazy("One year longer")),
            ("P5Y", gettext_lazy("Five years longer")),
            ("forever", gettext_lazy("For ever")),
            ("hold", gettext_lazy("Until it is released")),
        ],
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)


def period_context(study: Study) -> dict[str, Any]:
    """What the study's page tells of its storage period."""
    of_study = {"facility_id": study.facility_id, "study": study}
    retention = Retention.objects.filter(**of_study).first()
    return {
        "retention": retention,
        "floors": explained(retention) if retention else [],
        "missing": missing_in_words(retention.missing) if retention else [],
        "holds": list(Hold.objects.filter(**of_study, released_at=None).order_by("pk")),
        "extensions": list(Extension.objects.filter(**of_study).order_by("-pk")),
        "keep_form": KeepForm(),
    }


@facility_door(role=Role.MEMBER)
@require_POST
def keep(request: FacilityRequest, study_id: int) -> HttpResponse:
    """Extend or hold a study."""
    study = get_object_or_404(Study, facility=request.facility, pk=study_id)
    form = KeepForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say how long, and why."))
        return _back(request, study)
    user, now = request.user, timezone.now()
    assert isinstance(user, User)
    given: dict[str, Any] = {"reason": form.cleaned_data["reason"], "actor": request.actor, "now": now, "by": user}
    if (period := form.cleaned_data["period"]) in EXTENSIONS:
        attempt(
            request, partial(extend, study, period=period, **given),
            done=lambda extension: _("Kept until %(day)s.") % {"day": day(extension.until)},
        )  # fmt: skip
    else:
        attempt(
            request, partial(place_hold, study, kind=HoldKind.FACILITY, **given),
            done=_("Held until somebody releases it."),
        )  # fmt: skip
    return _back(request, study)


@facility_door(role=Role.MEMBER)
@require_POST
def release(request: FacilityRequest, hold_id: int) -> HttpResponse:
    """Release a hold of the facility's own; of a legal one, the first person asks, and an owner after them releases."""
    kinds = [HoldKind.FACILITY] if request.role != Role.OWNER else [HoldKind.FACILITY, HoldKind.LEGAL]
    hold = get_object_or_404(
        Hold.objects.select_related("study"), facility=request.facility, pk=hold_id, kind__in=kinds, released_at=None
    )
    user, now = request.user, timezone.now()
    assert isinstance(user, User)
    if hold.kind == HoldKind.LEGAL and hold.release_asked_by_id is None:
        act, done = ask_release, _("Another owner has to confirm it.")
    else:
        act, done = release_hold, _("The hold is released.")
    attempt(request, partial(act, hold, by=user, actor=request.actor, now=now), done=done)
    return _back(request, hold.study)


def _back(request: FacilityRequest, study: Study) -> HttpResponse:
    return redirect("portal:study", facility_slug=request.facility.slug, study_id=study.pk)
