"""Staff of billing: statements imported with a preview, transfers assigned, cards given back; others only read."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.billing.cards.charging import charge_due
from apps.billing.models import BankTransaction, Payment, PaymentMethod, State, WebhookEvent
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.fake_stripe import LOST_AFTER, FakeStripe
from tests.billing.stories import NOON, account_of, fresh, invoice_of, payments
from tests.billing.test_bank import camt, entry
from tests.billing.test_charging import attempts
from tests.retention.workplace import act_address, in_group, shown, told

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def staff(signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "billing")


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    fake = FakeStripe()
    monkeypatch.setattr("apps.billing.cards.offered.gateway", lambda: fake)
    return fake


def upload(client: Client, content: bytes, **given: str) -> Any:
    address = reverse("admin:billing_banktransaction_import_statement")
    return client.post(address, {"kind": "camt", "file": SimpleUploadedFile("s.xml", content)} | given)


def confirm(client: Client, read: str) -> Any:
    return client.post(reverse("admin:billing_banktransaction_import_statement"), {"read": read}, follow=True)


def test_a_statement_is_previewed_then_imported_once(lindenhof: Facility, staff: Client) -> None:
    invoice = invoice_of(lindenhof, "119.40", currency="EUR")
    content = camt(entry(purpose=invoice.number), entry(reference="R2", purpose="<![CDATA[<b>rent</b>]]>"))
    preview = upload(staff, content)
    page = preview.content.decode()
    assert invoice.number in page
    assert "It names no open invoice." in page
    assert "<b>rent</b>" not in page
    assert payments() == []
    for expected in ("2 imported, of which 1 pay", "0 imported"):
        assert expected in confirm(staff, preview.context["read"]).content.decode()
    assert fresh(invoice).state == State.PAID
    assert "known already" in upload(staff, content).content.decode()
    assert "too old" in confirm(staff, preview.context["read"] + "x").content.decode()


def test_csv_is_read_by_the_columns_told(sakura: Facility, staff: Client) -> None:
    invoice = invoice_of(sakura)
    content = f'Day,Sum,Text\n2026-05-20,"22,000",{invoice.number}\n'.encode()
    told_columns = {"kind": "csv", "account": "1", "money": "JPY", "date": "Day", "amount": "Sum", "purpose": "Text"}
    assert invoice.number in upload(staff, content, **told_columns).content.decode()
    assert "no column" in upload(staff, content, **told_columns | {"date": "Tag"}).content.decode()
    assert "CSV needs it" in upload(staff, content, kind="csv").content.decode()
    assert "no XML" in upload(staff, content).content.decode()


def test_transfers_are_assigned_taken_back_and_set_aside(sakura: Facility, staff: Client) -> None:
    invoice = invoice_of(sakura)
    with as_center():
        transfer = BankTransaction.objects.create(account="1", reference="r", booked_on=NOON.date(), amount=22000,
                                                  currency="JPY", imported_at=NOON)  # fmt: skip
    assign = act_address(transfer, "assign")
    assert "no invoice" in told(staff, assign, number="MV-0")[0]
    assert "left to assign" in told(staff, assign, number=invoice.number, amount="22001")[0]
    assert told(staff, assign, number=invoice.number) == ["It is assigned."]
    assert fresh(invoice).state == State.PAID
    with as_center():
        payment = Payment.objects.get()
    assert told(staff, act_address(payment, "take_back")) == ["The assignment is taken back."]
    assert fresh(invoice).state == State.FINALIZED
    assert told(staff, act_address(transfer, "set_aside"), why="rent") == ["It is set aside."]


def test_cards_are_asked_again_and_given_back(sakura: Facility, staff: Client, stripe: FakeStripe) -> None:
    account_of(sakura, payment_method=PaymentMethod.CARD, stripe_customer="cus_1", stripe_payment_method="pm_good")
    invoice = invoice_of(sakura)
    stripe.faults = [LOST_AFTER]
    charge_due(stripe, now=NOON)
    [attempt] = attempts()
    told(staff, act_address(attempt, "ask_again"))
    with as_center():
        event = WebhookEvent.objects.create(
            stripe_id="evt", kind="payment_intent.succeeded", object_id=next(iter(stripe.intents)), received_at=NOON
        )
    told(staff, act_address(event, "apply_again"))
    assert fresh(invoice).state == State.PAID
    assert "can be given back" in told(staff, act_address(attempt, "give_back"), amount="22001")[0]
    assert told(staff, act_address(attempt, "give_back"), amount="2000") == ["It is given back."]
    assert payments() == [("card", 22000), ("card", -2000)]


def test_others_read_and_do_nothing(sakura: Facility, signed_in: Callable[..., Client], stripe: FakeStripe) -> None:
    account_of(sakura, payment_method=PaymentMethod.CARD, stripe_customer="cus_1", stripe_payment_method="pm_good")
    invoice_of(sakura)
    charge_due(stripe, now=NOON)
    operator = in_group(signed_in, "operator")
    assert "22000" in shown(operator, "/admin/billing/payment/").replace(",", "")
    for answer in (
        operator.post(act_address(attempts()[0], "give_back"), {"_form_submitted": "True", "amount": "1"}),
        upload(operator, camt(entry())),
    ):
        assert answer.status_code == 403
    assert payments() == [("card", 22000)]
