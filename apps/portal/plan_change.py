"""Changing the plan: amounts first, then a name; giving notice and taking it back; the signed documents."""

from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import User
from apps.billing.changing import Standing, accept, days_to_begin, proposals, standing_of, take
from apps.billing.custody import monthly_price
from apps.contracts.agreeing import end_after_notice, give_notice, withdraw_notice
from apps.contracts.errors import NotOffered
from apps.contracts.models import Contract, ContractVersion, Signature, State
from apps.contracts.signing import document
from apps.core.acting import attempt
from apps.core.errors import DomainError
from apps.core.periods import parse_period
from apps.core.shown import day
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.tiers.models import PriceList

GONE = gettext_lazy("This tier is not offered any more.")


class SignForm(forms.Form):
    """A name, written by whoever signs."""

    name = forms.CharField(
        label=gettext_lazy("Your full name"), max_length=150, help_text=gettext_lazy("It signs the contract."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip


class TakeForm(SignForm):
    """Which of the changes that were shown (its token ends with the day), and who signs."""

    change = forms.CharField(
        max_length=80, error_messages={"required": gettext_lazy("Choose from when.")}, widget=forms.HiddenInput
    )

    def __init__(self, data: Any, days: list[date]) -> None:
        super().__init__(data)
        self.days = {f"{day}": day for day in days}

    def clean_change(self) -> tuple[str, date]:
        token: str = self.cleaned_data["change"]
        day = self.days.get(token.rsplit(".", maxsplit=1)[-1])
        if day is None:
            raise forms.ValidationError(gettext_lazy("Choose from when."))
        return token, day


@facility_door(role=Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def take_tier(request: FacilityRequest, tier_version_id: int) -> HttpResponse:
    """What the tier would cost from now, and from the next month; posted with a name, it is agreed on."""
    standing = standing_of(request.facility, today=timezone.localdate())
    if not PriceList.objects.filter(tier_version_id=tier_version_id, currency=standing.currency).exists():
        raise Http404
    if request.method == "POST":
        return _taken(request, standing, tier_version_id)
    return _amounts(request, standing, tier_version_id)


@facility_door(role=Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def sign_version(request: FacilityRequest, version_id: int) -> HttpResponse:
    """A version that was drawn up for the facility; posted with a name, it is signed."""
    version = _version(request, version_id)
    standing = standing_of(request.facility, today=timezone.localdate())
    if standing.contract is None or standing.contract.pk != version.contract_id:
        raise Http404
    if Signature.objects.filter(facility=request.facility, version=version).exists():
        messages.info(request, _("This was signed before."))
        return redirect("portal:plan", facility_slug=request.facility.slug)
    form = SignForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        context = {"version": version, "contract": version.contract, "form": form}
        return render(request, "portal/plan_sign.html", context, status=422 if form.is_bound else 200)
    act = partial(accept, version, name=form.cleaned_data["name"], **_doer(request))
    attempt(request, act, done=lambda _signed: _told_signed(version))
    return redirect("portal:plan", facility_slug=request.facility.slug)


@facility_door(role=Role.MEMBER)
@require_safe
def contract_document(request: FacilityRequest, version_id: int) -> HttpResponse:
    """The contract as it was signed, or as it is to be."""
    version = _version(request, version_id)
    response = HttpResponse(document(version), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{version.contract}-{version.number}.pdf"'
    return response


@facility_door(role=Role.OWNER)
@require_POST
def end_plan(request: FacilityRequest) -> HttpResponse:
    """First a page that says when the contract would end; posted again from there, notice is given."""
    today, now = timezone.localdate(), timezone.now()
    contract = _in_force(request, today)
    if contract.state == State.TERMINATING and contract.ends_on:
        told = _("Notice was given before. The contract ends on %(day)s.") % {"day": day(contract.ends_on)}
        messages.info(request, told)
        return redirect("portal:plan", facility_slug=request.facility.slug)
    if "confirmed" not in request.POST:
        ends_on = end_after_notice(contract, on=today, now=now)
        context = {"contract": contract, "ends_on": ends_on, "custody": monthly_price(contract, on=today)}
        return render(request, "portal/plan_end.html", context)

    def done(_given: None) -> str:
        assert contract.ends_on
        return _("Notice is given. The contract ends on %(day)s.") % {"day": day(contract.ends_on)}

    attempt(
        request, partial(give_notice, contract, on=today, by=_user(request), actor=request.actor, now=now), done=done
    )
    return redirect("portal:plan", facility_slug=request.facility.slug)


@facility_door(role=Role.OWNER)
@require_POST
def keep_plan(request: FacilityRequest) -> HttpResponse:
    """Take notice back."""
    contract = _in_force(request, timezone.localdate())
    attempt(
        request, partial(withdraw_notice, contract, by=_user(request), actor=request.actor, now=timezone.now()),
        done=_("The notice is withdrawn: the contract goes on."),
    )  # fmt: skip
    return redirect("portal:plan", facility_slug=request.facility.slug)


def _amounts(
    request: FacilityRequest, standing: Standing, tier_version_id: int, form: TakeForm | None = None
) -> HttpResponse:
    """The page with the two days to choose from."""
    found = proposals(standing, tier_version_id)
    if not found:
        messages.error(request, GONE)
        return redirect("portal:plan", facility_slug=request.facility.slug)
    [first, *_rest] = found
    terms, contract = first.version, standing.contract if standing.is_in_force else None
    starts_on = contract.starts_on if contract else first.version.effective_from
    context = {
        "standing": standing, "proposals": found, "chosen": first.chosen, "terms": terms, "form": form,
        "name": form["name"] if form else SignForm()["name"],
        "term_until": parse_period(terms.minimum_term).after(starts_on),
        "picked": form.data.get("change") if form else found[-1].token,
    }  # fmt: skip
    return render(request, "portal/plan_change.html", context, status=422 if form else 200)


def _taken(request: FacilityRequest, standing: Standing, tier_version_id: int) -> HttpResponse:
    form = TakeForm(request.POST, days_to_begin(standing))
    if not form.is_valid():
        return _amounts(request, standing, tier_version_id, form)
    token, day = form.cleaned_data["change"]
    try:
        version = take(
            request.facility, tier_version_id, effective_from=day, token=token, name=form.cleaned_data["name"],
            today=standing.today, **_doer(request),
        )  # fmt: skip
    except NotOffered:
        messages.error(request, GONE)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _told_signed(version))
    return redirect("portal:plan", facility_slug=request.facility.slug)


def _told_signed(version: ContractVersion) -> str:
    if version.is_agreed:
        text = _("Signed: %(tier)s from %(day)s.")
    else:
        text = _("Signed: %(tier)s from %(day)s. The center approves it first, and until then nothing changes.")
    told = {"tier": version.tier_version.tier, "day": day(version.effective_from)}
    return text % told


def _doer(request: FacilityRequest) -> dict[str, Any]:
    return {"by": _user(request), "source_address": request.actor.source_address, "actor": request.actor,
            "now": timezone.now()}  # fmt: skip


def _user(request: FacilityRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _version(request: FacilityRequest, version_id: int) -> ContractVersion:
    versions = ContractVersion.objects.select_related("facility", "contract", "tier_version__tier", "price_list")
    return get_object_or_404(versions, facility=request.facility, pk=version_id)


def _in_force(request: FacilityRequest, today: date) -> Contract:
    standing = standing_of(request.facility, today=today)
    if standing.contract is None or not standing.is_in_force:
        raise Http404
    return standing.contract
