"""How a facility pays: by card or by transfer, which card, and paying an open invoice now. For owners."""

from collections.abc import Callable

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.billing.cards import keeping, offered
from apps.billing.cards.charging import pay_now
from apps.billing.models import AttemptState, BillingAccount, Invoice, InvoiceKind, PaymentAttempt, PaymentMethod
from apps.billing.models.invoices import OPEN
from apps.billing.settling import open_amounts
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.core.money import formatted
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.facilities.tenancy import as_facility

HOSTED_PAGES = "https://checkout.stripe.com"
MOST = 24


@facility_door(role=Role.OWNER)
@csp_update({"form-action": [HOSTED_PAGES]})  # type: ignore[arg-type]  # asked about where a form's answer leads, too
@require_safe
def card(request: FacilityRequest) -> HttpResponse:
    """The page."""
    account = BillingAccount.objects.filter(facility=request.facility).first()
    invoices = Invoice.objects.filter(facility=request.facility, state__in=OPEN, kind=InvoiceKind.INVOICE)
    unpaid = list(invoices.order_by("due_on", "pk")[:MOST])
    amounts = open_amounts(request.facility.pk, unpaid)
    attempts = PaymentAttempt.objects.filter(facility=request.facility, invoice__in=unpaid)
    latest = {each.invoice_id: each for each in attempts.order_by("pk")}
    context = {
        "account": account,
        "is_offered": offered.is_offered(),
        "pays_by_card": account is not None and account.payment_method == PaymentMethod.CARD,
        "unpaid": [(each, formatted(amounts[each.pk], each.currency), latest.get(each.pk)) for each in unpaid],
    }
    return render(request, "portal/card.html", context)


@facility_door(role=Role.OWNER, own_scope=True)
@require_POST
def enter(request: FacilityRequest) -> HttpResponse:
    """Go to Stripe's page, on which the card is entered."""
    slug = {"facility_slug": request.facility.slug}
    try:
        page = keeping.begin_set_up(
            request.facility, gateway=offered.gateway(),
            success_url=settings.PUBLIC_URL + reverse("portal:card_entered", kwargs=slug),
            cancel_url=settings.PUBLIC_URL + reverse("portal:card", kwargs=slug),
        )  # fmt: skip
    except DomainError as error:
        messages.error(request, error.message)
        return _back(request)
    return redirect(page.url)


@facility_door(role=Role.OWNER, own_scope=True)
@require_safe
def entered(request: FacilityRequest) -> HttpResponse:
    """Back from Stripe's page: what was entered there is asked of Stripe."""

    def keep() -> str:
        session = request.GET.get("session", "")[:200]
        kept = keeping.keep_card(request.facility, session, gateway=offered.gateway(), actor=request.actor)
        return _("Invoices are paid by the card that ends in %s from now on.") % kept.last4

    return _told(request, keep)


@facility_door(role=Role.OWNER)
@require_POST
def choose(request: FacilityRequest) -> HttpResponse:
    """Pay by card, or by transfer."""

    def chosen() -> str:
        is_card = request.POST.get("method") == PaymentMethod.CARD
        method = PaymentMethod.CARD if is_card else PaymentMethod.TRANSFER
        keeping.pay_by(request.facility, method, actor=request.actor)
        return _("Invoices are paid by card.") if is_card else _("Invoices are paid by bank transfer.")

    return _told(request, chosen)


@facility_door(role=Role.OWNER, own_scope=True)
@require_POST
def pay(request: FacilityRequest, invoice_id: int) -> HttpResponse:
    """Charge the card for an open invoice now."""
    with as_facility(request.facility):
        invoice = get_object_or_404(Invoice, facility=request.facility, pk=invoice_id, finalized_at__isnull=False)

    def paid() -> str:
        attempt = pay_now(invoice, gateway=offered.gateway(), actor=request.actor, now=database_now())
        match attempt.state:
            case AttemptState.SUCCEEDED:
                return _("%s is paid.") % invoice.number
            case AttemptState.BEGUN:
                return _("The payment is on its way. This page shows how it went.")
            case AttemptState.NEEDS_ACTION:
                return _("The bank asks for your confirmation: please enter the card again.")
        return _("The bank did not accept the card. Please enter another one, or pay by transfer.")

    return _told(request, paid)


def _told(request: FacilityRequest, act: Callable[[], str]) -> HttpResponse:
    try:
        messages.info(request, act())
    except DomainError as error:
        messages.error(request, error.message)
    return _back(request)


def _back(request: FacilityRequest) -> HttpResponse:
    return redirect("portal:card", facility_slug=request.facility.slug)
