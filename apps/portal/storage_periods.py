"""Storage periods: what ends when, what waits for a decision, what is unknown and why, what is gone."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMonth
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import User
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Facility, Role
from apps.portal.chart import Chart, stacked_bars
from apps.portal.looks import list_studies
from apps.portal.numbers import whole_numbers
from apps.retention.deciding import Decided, approve, decide_all, keep_longer, object_to
from apps.retention.explaining import explain, missing_in_words
from apps.retention.models import Disposition, Retention, State

MONTHS, PAGE, MOST_AT_ONCE = 12, 50, 500
WITHIN = [30, 90, 365]
APPROVE, OBJECT = "approve", "object"
DECISIONS = [
    (APPROVE, gettext_lazy("Let them be deleted")),
    ("P1Y", gettext_lazy("Keep one year longer")),
    ("P5Y", gettext_lazy("Keep five years longer")),
    ("forever", gettext_lazy("Keep for ever")),
    (OBJECT, gettext_lazy("Hold them, without a date")),
]


class DecisionForm(forms.Form):
    """What is decided on which dispositions. Holding needs a reason."""

    decision = forms.ChoiceField(label=gettext_lazy("Decision"), choices=DECISIONS)
    chosen = forms.TypedMultipleChoiceField(coerce=int, widget=forms.MultipleHiddenInput)
    reason = forms.CharField(label=gettext_lazy("Reason"), required=False, max_length=200)

    def __init__(self, data: Any, waiting: QuerySet[Disposition]) -> None:
        super().__init__(data)
        wanted = whole_numbers(data.getlist("chosen"))[:MOST_AT_ONCE]
        self.found = list(waiting.filter(pk__in=wanted))
        self.fields["chosen"].choices = [(each.pk, "") for each in self.found]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "confirmed" in self.data and given.get("decision") == OBJECT and not given.get("reason"):
            self.add_error("reason", gettext_lazy("Say why they are held."))
        return given


@facility_door()
@require_safe
def expiring(request: FacilityRequest) -> HttpResponse:
    """The page; `within` 30, 90 or 365 days narrows the list of what ends."""
    today = timezone.localdate()
    within = request.GET.get("within", "")
    days = int(within) if within in map(str, WITHIN) else WITHIN[-1]
    ending = _ending(request.facility, today)
    gone = Disposition.objects.filter(facility=request.facility, state=State.DELETED)
    context: dict[str, Any] = {
        "chart": _chart(request.facility, today),
        "counts": [(each, ending.filter(kept_until__lte=today + timedelta(days=each)).count()) for each in WITHIN],
        "within": days,
        "ending": ending.filter(kept_until__lte=today + timedelta(days=days))[:PAGE],
        "waiting": _described(_waiting(request.facility).select_related("study__patient")[:MOST_AT_ONCE]),
        "waiting_count": _waiting(request.facility).count(),
        "decisions": _decisions(request),
        "unknown": _unknown(request.facility),
        "gone": gone.order_by("-deleted_at", "-pk")[:PAGE],
    }
    list_studies(request, len(context["waiting"]) + len(context["ending"]))
    return render(request, "portal/storage_periods.html", context)


@facility_door(role=Role.MEMBER)
@require_POST
def decide(request: FacilityRequest) -> HttpResponse:
    """First a page that says what would happen; posted again from there, it does. Owners alone let anything go."""
    form = DecisionForm(request.POST, _waiting(request.facility).select_related("study__patient"))
    if not form.found:
        messages.error(request, _("Nothing that still waits was chosen."))
        return redirect("portal:expiring", facility_slug=request.facility.slug)
    is_allowed = request.POST.get("decision") in {key for key, _name in _decisions(request)}
    if not (form.is_valid() and is_allowed and "confirmed" in request.POST):
        chosen = dict(DECISIONS).get(request.POST.get("decision", ""), "")
        context = {"form": form, "found": _described(form.found), "chosen": chosen, "is_allowed": is_allowed,
                   "needs_reason": request.POST.get("decision") != APPROVE}  # fmt: skip
        is_faulty = "confirmed" in request.POST or not is_allowed
        return render(request, "portal/decision.html", context, status=422 if is_faulty else 200)
    _tell(request, decide_all(form.found, _act(request, form)))
    return redirect("portal:expiring", facility_slug=request.facility.slug)


def _act(request: FacilityRequest, form: DecisionForm) -> Callable[[Disposition], None]:
    user, reason = request.user, form.cleaned_data["reason"]
    assert isinstance(user, User)
    given: dict[str, Any] = {"by": user, "actor": request.actor, "now": timezone.now()}
    match form.cleaned_data["decision"]:
        case "approve":
            return partial(approve, **given)
        case "object":
            return partial(object_to, reason=reason, **given)
        case period:
            return partial(keep_longer, period=period, reason=reason, **given)


def _tell(request: FacilityRequest, decided: Decided) -> None:
    if decided.done:
        text = ngettext("Decided on %(count)d study.", "Decided on %(count)d studies.", decided.done)
        messages.success(request, text % {"count": decided.done})
    for why, count in Counter(decided.refused.values()).items():
        text = ngettext("Not decided on %(count)d study: %(why)s", "Not decided on %(count)d studies: %(why)s", count)
        messages.error(request, text % {"count": count, "why": why})


def _decisions(request: FacilityRequest) -> list[tuple[str, Any]]:
    """What this person may decide."""
    if request.role is None or not request.role.covers(Role.MEMBER):
        return []
    return DECISIONS if request.role == Role.OWNER else DECISIONS[1:]


def _waiting(facility: Facility) -> QuerySet[Disposition]:
    waiting = Disposition.objects.filter(facility=facility, state=State.NOTIFIED)
    return waiting.order_by("decide_by", "pk")


def _described(found: Any) -> list[tuple[Disposition, str]]:
    return [(each, explain(each.governing) if each.governing else "") for each in found]


def _ending(facility: Facility, today: date) -> QuerySet[Retention]:
    ending = Retention.objects.filter(facility=facility, kept_until__gte=today)
    return ending.select_related("study__patient").order_by("kept_until", "pk")


def _unknown(facility: Facility) -> list[tuple[str, int, list[Retention]]]:
    """What is missing in words, of how many studies, and some of them; the most frequent first."""
    unknown = Retention.objects.filter(facility=facility).exclude(missing=[])
    counts = unknown.values_list("missing").annotate(count=Count("pk")).order_by("-count")
    found = []
    for missing, count in counts[:10]:
        some = unknown.filter(missing=missing).select_related("study__patient").order_by("-study__study_date", "pk")
        found.append((", ".join(missing_in_words(missing)), count, list(some[:10])))
    return found


def _chart(facility: Facility, today: date) -> Chart:
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    end = (months[-1] + timedelta(days=32)).replace(day=1)
    ending = Retention.objects.filter(facility=facility, kept_until__gte=months[0], kept_until__lt=end)
    found = dict(ending.annotate(month=TruncMonth("kept_until")).values_list("month").annotate(Count("pk")))
    return stacked_bars(months, {_("Studies"): [found.get(month, 0) for month in months]})
