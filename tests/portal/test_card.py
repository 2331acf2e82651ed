"""How a facility pays: owners enter a card at Stripe, choose card or transfer, and pay an open invoice now."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.billing.models import BillingAccount, PaymentMethod, State
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from tests.billing.fake_stripe import DECLINED, FakeStripe
from tests.billing.stories import account_of, fresh, invoice_of, payments
from tests.portal.pages import url

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch, settings: Any) -> FakeStripe:
    fake = FakeStripe()
    settings.STRIPE_API_KEY = "sk_test"
    monkeypatch.setattr("apps.billing.cards.offered.gateway", lambda: fake)
    return fake


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("owner@example.org", sakura=Role.OWNER)


def account() -> BillingAccount:
    with as_center():
        return BillingAccount.objects.get()


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def enter(owner: Client, stripe: FakeStripe, card: str = "pm_good") -> Any:
    """To Stripe's page, and back from it with a card."""
    away = owner.post(url("enter_card"))
    assert away["Location"].startswith("https://checkout.stripe.com/")
    session = away["Location"].rsplit("/", 1)[-1]
    stripe.enter_card(session, account().stripe_customer, card)
    return owner.get(url("card_entered"), {"session": session}, follow=True)


def test_a_card_is_entered_at_stripe_and_pays_an_invoice(sakura: Facility, owner: Client, stripe: FakeStripe) -> None:
    account_of(sakura)
    invoice = invoice_of(sakura)
    page = owner.get(url("card"))
    assert invoice.number in page.content.decode()
    assert "form-action 'self' https://checkout.stripe.com" in page["Content-Security-Policy"]
    assert b"Pay now" not in page.content
    assert "4242" in said(enter(owner, stripe))[0]
    assert (account().payment_method, account().card_last4) == (PaymentMethod.CARD, "4242")
    assert b"Pay now" in owner.get(url("card")).content
    for expected in ("is paid", "Nothing is to be paid"):
        answer = owner.post(url("pay_invoice", invoice_id=invoice.pk), follow=True)
        assert expected in said(answer)[0]
    assert (payments(), fresh(invoice).state) == ([("card", 22000)], State.PAID)
    enter(owner, stripe)
    assert [what for what, _asked in stripe.asked].count("customer") == 1


def test_a_declined_card_is_told(sakura: Facility, owner: Client, stripe: FakeStripe) -> None:
    account_of(sakura)
    enter(owner, stripe, DECLINED)
    answer = owner.post(url("pay_invoice", invoice_id=invoice_of(sakura).pk), follow=True)
    assert "did not accept" in said(answer)[0]


def test_what_the_browser_brings_back_is_not_believed(
    sakura: Facility, lindenhof: Facility, owner: Client, stripe: FakeStripe
) -> None:
    account_of(sakura)
    page = owner.post(url("enter_card"))
    session = page["Location"].rsplit("/", 1)[-1]
    stripe.cards["cs_foreign"] = None
    stripe.enter_card("cs_foreign", "cus_of_another")
    for name in (session, "cs_foreign", "cs_unknown", ""):
        answer = owner.get(url("card_entered"), {"session": name}, follow=True)
        assert said(answer)[0] in {"No card was entered.", "no such session"}
    assert account().stripe_payment_method == ""


def test_card_and_transfer_are_switched(sakura: Facility, owner: Client, stripe: FakeStripe) -> None:
    account_of(sakura)
    assert "first" in said(owner.post(url("choose_method"), {"method": "card"}, follow=True))[0]
    account_of(sakura, stripe_customer="cus_1", stripe_payment_method="pm_good")
    for method in ("card", "transfer"):
        owner.post(url("choose_method"), {"method": method})
        assert account().payment_method == method


def test_without_a_key_cards_are_not_offered(sakura: Facility, owner: Client) -> None:
    assert b"not set up billing" in owner.get(url("card")).content
    account_of(sakura, stripe_customer="cus_1", stripe_payment_method="pm_good")
    invoice = invoice_of(sakura)
    assert b"takes no cards" in owner.get(url("card")).content
    for page in (url("enter_card"), url("pay_invoice", invoice_id=invoice.pk)):
        assert "takes no cards" in said(owner.post(page, follow=True))[0]


def test_nobody_pays_or_sees_anothers_invoices(
    sakura: Facility, lindenhof: Facility, owner: Client, signed_in: Callable[..., Client], stripe: FakeStripe
) -> None:
    account_of(lindenhof, stripe_customer="cus_2", stripe_payment_method="pm_good")
    account_of(sakura, stripe_customer="cus_1", stripe_payment_method="pm_good")
    theirs = invoice_of(lindenhof)
    assert theirs.number not in owner.get(url("card")).content.decode()
    assert owner.post(url("pay_invoice", invoice_id=theirs.pk)).status_code == 404
    member = signed_in("member@example.org", sakura=Role.MEMBER)
    assert member.post(url("pay_invoice", invoice_id=invoice_of(sakura).pk)).status_code == 403
    assert stripe.asked == []
