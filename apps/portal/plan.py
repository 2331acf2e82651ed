"""The plan: what is agreed, the tiers side by side, and what each would cost a clinic like this one."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from apps.billing.changing import Standing, standing_of
from apps.billing.estimating import Estimate, estimated
from apps.billing.history import history, room_days
from apps.billing.offering import Offered, offered
from apps.billing.simulating import MONTHS, ON_REQUEST_DAYS, URGENCIES, Outcome, best, simulate, urgency_of
from apps.collection.models import Terminal
from apps.collection.schedule import Outlook, outlooks
from apps.contracts.agreeing import end_after_notice
from apps.contracts.models import IN_FORCE, ContractVersion, Signature, State
from apps.core.periods import parse_period
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.portal.plan_chart import plan_chart
from apps.portal.plan_return import ending_of
from apps.tiers.models import UNITS, Item

DAYS = {1: gettext_lazy("within a day"), 7: gettext_lazy("within a week"), 14: gettext_lazy("within two weeks"),
        30: gettext_lazy("within a month")}  # fmt: skip


class SimulatorForm(forms.Form):
    """How soon images must be safe, and what that may cost."""

    urgency = forms.TypedChoiceField(
        label=gettext_lazy("Every image is safe"), coerce=int, required=False, empty_value=None,
        choices=[("", gettext_lazy("any time")), *((days, DAYS[days]) for days in URGENCIES)],
    )  # fmt: skip
    budget = forms.DecimalField(
        label=gettext_lazy("Budget a month"), required=False, min_value=1, max_value=10**9, decimal_places=2,
        max_digits=12,
    )  # fmt: skip


class EstimateForm(SimulatorForm):
    """The same, with what a clinic without a history expects."""

    studies = forms.IntegerField(label=gettext_lazy("Studies a weekday"), min_value=0, max_value=5000, initial=10)
    mb = forms.DecimalField(
        label=gettext_lazy("MB a study"), min_value=Decimal("0.1"), max_value=100_000, initial=100, max_digits=8,
        decimal_places=1,
    )  # fmt: skip
    films = forms.IntegerField(label=gettext_lazy("Films a month"), min_value=0, max_value=100_000, initial=0)


@dataclass(frozen=True, slots=True)
class Card:
    """A tier as it is offered, with its prices and what it would have come to."""

    offered: Offered
    outcome: Outcome
    prices: list[tuple[Any, Decimal, Decimal, object]]
    base_fee: Decimal | None
    is_best: bool


@facility_door(role=Role.MEMBER)
@require_safe
def plan_page(request: FacilityRequest) -> HttpResponse:
    """`urgency` and `budget` steer the simulator; `studies`, `mb` and `films` are an estimate in place of history."""
    now, today = timezone.now(), timezone.localdate()
    standing = standing_of(request.facility, today=today)
    watched = outlooks(list(_terminals(request)), as_of=now)
    context = _agreed(standing) | _simulated(request, standing, room_days(watched))
    context |= {
        "ending": ending_of(request.facility),
        "standing": standing,
        "proposal": proposed(watched),
        "on_request_days": ON_REQUEST_DAYS,
    }
    return render(request, "portal/plan.html", context, status=200 if context["form"].is_valid() else 422)


def proposed(watched: list[Outlook]) -> tuple[int, int] | None:
    """Days between collections that keep every terminal from filling up, and the urgency that is as often."""
    days = min((each.proposed_days for each in watched if each.proposed_days), default=None)
    return (days, urgency_of(days)) if days else None


def _terminals(request: FacilityRequest) -> Any:
    return Terminal.objects.filter(facility=request.facility, retired_at=None).select_related("facility")


def _agreed(standing: Standing) -> dict[str, Any]:
    contract, agreed = standing.contract, standing.agreed
    draft = standing.last if contract and contract.state == State.DRAFT else None
    signatures = Signature.objects.filter(facility=standing.facility, version__contract=contract) if contract else []
    signed = {signature.version_id: signature for signature in signatures}
    ahead = [version for version in standing.versions if version.effective_from > standing.today]
    context = {
        "agreed": agreed, "draft": draft, "signed": signed, "waiting": standing.waiting if agreed else [],
        "ahead": ahead if agreed else [],
        "coming": {version.tier_version_id: version.effective_from for version in ahead} if agreed else {},
    }  # fmt: skip
    if contract and agreed and contract.state in IN_FORCE:
        context |= _terms(standing, agreed)
    return context


def _terms(standing: Standing, agreed: ContractVersion) -> dict[str, Any]:
    contract = standing.contract
    assert contract
    return {
        "term_until": parse_period(agreed.minimum_term).after(contract.starts_on),
        "could_end_on": end_after_notice(contract, on=standing.today, now=timezone.now()),
    }


def _simulated(request: FacilityRequest, standing: Standing, lasts: float | None) -> dict[str, Any]:
    offers = offered(standing.currency, as_of=standing.today, agreed=standing.agreed)
    replayed = history(request.facility, until=standing.today, months=MONTHS)
    form = _form(request, standing.currency, is_estimate=not replayed or "studies" in request.GET)
    wanted: dict[str, Any] = form.cleaned_data if form.is_valid() else {}
    months = replayed
    if "studies" in wanted:
        estimate = Estimate(wanted["studies"], wanted["mb"], wanted["films"])
        months = estimated(estimate, until=standing.today, months=MONTHS)
    outcomes = simulate(months, [each.offer for each in offers], currency=standing.currency, room_days=lasts)
    budget = wanted.get("budget")
    choice = best(outcomes, urgency=wanted.get("urgency"), budget=budget) if months else None
    cards = [
        _card(each, outcome, is_best=choice is not None and outcome is choice.outcome)
        for each, outcome in zip(offers, outcomes, strict=True)
    ]
    return {
        "form": form, "cards": cards, "choice": choice, "months": months, "replayed": replayed,
        "best": next((card for card in cards if card.is_best), None),
        "now": next((card for card in cards if card.offered.is_agreed), None),
        "chart": plan_chart(outcomes, budget=budget),
    }  # fmt: skip


def _form(request: FacilityRequest, currency: str, *, is_estimate: bool) -> SimulatorForm:
    """What is asked, or what a first visit starts from."""
    form_class = EstimateForm if is_estimate else SimulatorForm
    starts = {name: field.initial for name, field in form_class.base_fields.items()}
    form = form_class({name: request.GET.get(name, initial) for name, initial in starts.items()})
    form.fields["budget"].label = _("Budget a month (%(currency)s)") % {"currency": currency}
    return form


def _card(each: Offered, outcome: Outcome, *, is_best: bool) -> Card:
    prices = each.offer.terms.prices
    listed = [
        (item.label, prices[item].unit_price, prices[item].included, UNITS[item])
        for item in Item
        if item in prices and item != Item.BASE_FEE
    ]
    base = prices.get(Item.BASE_FEE)
    return Card(each, outcome, listed, base.unit_price if base else None, is_best)
