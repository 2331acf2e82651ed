"""The end of a contract in the portal: everything comes back, the facility confirms it, and sees what remains."""

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.billing.custody import monthly_price
from apps.contracts.agreeing import is_followed, terminating_contract_of
from apps.contracts.models import Contract
from apps.core.acting import attempt
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Facility, Role
from apps.orders.models import Order
from apps.orders.returning import confirm_return, last_return_of
from apps.retention.winding_up import Remaining, remaining_of


@dataclass(frozen=True, slots=True)
class Ending:
    """How far the end of a contract is."""

    contract: Contract
    order: Order | None
    remaining: Remaining
    custody: Decimal | None
    """What a month of it costs after the last day; None where nothing is charged."""


def ending_of(facility: Facility) -> Ending | None:
    """Of the contract that notice was given of, unless another one follows it."""
    contract = terminating_contract_of(facility.pk)
    if contract is None or is_followed(contract):
        return None
    remaining = remaining_of(facility.pk, now=timezone.now())
    return Ending(contract, last_return_of(facility.pk), remaining, monthly_price(contract, on=timezone.localdate()))


@facility_door(role=Role.OWNER)
@require_POST
def confirm(request: FacilityRequest) -> HttpResponse:
    """The facility has everything back."""
    contract, user = terminating_contract_of(request.facility.pk), request.user
    if contract is None:
        raise Http404
    assert isinstance(user, User)
    attempt(
        request, partial(confirm_return, contract, by=user, actor=request.actor, now=timezone.now()),
        done=_("It is on record that you have everything back."),
    )  # fmt: skip
    return redirect("portal:plan", facility_slug=request.facility.slug)
