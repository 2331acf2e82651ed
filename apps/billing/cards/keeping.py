"""Which card a facility pays with, and whether by card at all. The card itself is entered at Stripe and stays there."""

from django.utils.translation import gettext as _

from apps.audit.record import Actor, record
from apps.billing.cards.gateway import Card, Gateway, HostedPage
from apps.billing.errors import PaymentRefused
from apps.billing.models import BillingAccount, PaymentMethod
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility


def begin_set_up(facility: Facility, *, gateway: Gateway, success_url: str, cancel_url: str) -> HostedPage:
    """The page of Stripe's on which the facility enters a card. Outside of a transaction. Raises PaymentRefused."""
    with as_facility(facility):
        account = account_of(facility)
    if not account.stripe_customer:
        key = f"customer-{account.pk}-{int(facility.created_at.timestamp())}"
        customer = gateway.create_customer(key=key, metadata={"facility": str(facility.pk)})
        with as_facility(facility):
            BillingAccount.objects.filter(pk=account.pk, stripe_customer="").update(stripe_customer=customer)
            account = account_of(facility)
    return gateway.set_up_card(customer=account.stripe_customer, success_url=success_url, cancel_url=cancel_url)


def keep_card(facility: Facility, session: str, *, gateway: Gateway, actor: Actor) -> Card:
    """Pay by the card that was entered in a session of this facility's. Outside of a transaction.

    What the browser brings back is only a name: Stripe is asked. Raises PaymentRefused.
    """
    card = gateway.card_of(session)
    with as_facility(facility):
        account = account_of(facility)
        if card is None or not account.stripe_customer or card.customer != account.stripe_customer:
            raise PaymentRefused(_("No card was entered."))
        account.stripe_payment_method, account.payment_method = card.payment_method, PaymentMethod.CARD
        account.card_brand, account.card_last4 = card.brand[:20], card.last4[:4]
        account.save(update_fields=["stripe_payment_method", "payment_method", "card_brand", "card_last4"])
        _record("card_kept", account, actor)
    return card


def pay_by(facility: Facility, method: PaymentMethod, *, actor: Actor) -> None:
    """Pay the coming invoices so, within the caller's transaction. Raises PaymentRefused."""
    account = account_of(facility)
    if method == PaymentMethod.CARD and not account.stripe_payment_method:
        raise PaymentRefused(_("Enter a card first."))
    account.payment_method = method
    account.save(update_fields=["payment_method"])
    _record("method_chosen", account, actor, method=method)


def account_of(facility: Facility) -> BillingAccount:
    """How the facility is billed. Raises PaymentRefused where that is not agreed yet."""
    found = BillingAccount.objects.filter(facility=facility).first()
    if found is None:
        raise PaymentRefused(_("The center has not set up billing for this facility yet."))
    return found


def _record(verb: str, account: BillingAccount, actor: Actor, **details: str) -> None:
    record(f"billing_account.{verb}", actor=actor, object_type="billing_account", object_id=account.pk,
           facility_id=account.facility_id, **details)  # fmt: skip
