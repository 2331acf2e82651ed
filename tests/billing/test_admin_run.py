"""Staff at the pages of the monthly run: progress, differences, what is parked, a second person, credits, proof."""

from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Event
from apps.billing.drafting import park
from apps.billing.invoicing import generate
from apps.billing.models import Invoice, State
from apps.billing.months import month_before, next_month
from apps.contracts.models import Contract
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from tests.billing.facts import billable, charges, plain_prices
from tests.contracts.stories import in_force
from tests.retention.workplace import act_address, in_group, page_address, shown, told

pytestmark = pytest.mark.django_db
RUN, PROOF = "admin:billing_run", "admin:billing_proof"
LONG_AGO = timedelta(days=10)


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def month() -> date:
    """The last one that is over everywhere."""
    return month_before((timezone.now() - timedelta(days=2)).date())


@pytest.fixture
def contract(sakura: Facility, month: date) -> Contract:
    billable(sakura)
    return in_force(sakura, month_before(month), plain_prices(base_fee="20000", visit="8000"))


@pytest.fixture
def clerk(signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "billing", "clerk")


def drafted(contract: Contract, month: date) -> Invoice:
    """A draft of ten days ago."""
    with as_center():
        made = generate(contract, month, now=timezone.now())
        Invoice.objects.filter(pk=made.pk).update(drafted_at=timezone.now() - LONG_AGO)
    return made


def state(invoice: Invoice) -> str:
    with as_center():
        invoice.refresh_from_db()
    return invoice.state


def press(client: Client, month: date, **what: Any) -> list[str]:
    return told(client, f"{reverse(RUN)}?month={month:%Y-%m}", **what)


def test_a_month_is_tried_and_then_seen_beside_the_month_before(clerk: Client, contract: Contract, month: date) -> None:
    dry = shown(clerk, reverse(RUN), month=f"{month:%Y-%m}", dry="1")
    assert "1 would be drafted, 0 parked" in dry
    assert "¥20,000" in dry
    drafted(contract, month_before(month))
    invoice = drafted(contract, month)
    page = shown(clerk, reverse(RUN), month=f"{month:%Y-%m}")
    assert page_address(invoice) in page
    assert "¥0" in page  # no difference
    assert "Still to be made" in page
    for odd in ("2026-99", "x", ""):
        shown(clerk, reverse(RUN), month=odd)
    assert "Nothing of this month waits" in shown(clerk, reverse(RUN), month=f"{next_month(month):%Y-%m}")


def test_what_one_person_releases_another_one_finalizes(
    clerk: Client, contract: Contract, month: date, signed_in: Callable[..., Client]
) -> None:
    with as_center():
        parked = park(contract, month, reason="The total is odd", now=timezone.now() - LONG_AGO)
    assert "The total is odd" in shown(clerk, reverse(RUN), month=f"{month:%Y-%m}")
    assert press(clerk, month, release=parked.pk) == ["The invoice is a draft."]
    with as_center():
        Invoice.objects.filter(pk=parked.pk).update(drafted_at=timezone.now() - LONG_AGO)
    assert press(clerk, month, chosen=[parked.pk]) == ["Another person finalizes what a person drafted (1)"]
    assert press(clerk, month, all="1") == []
    assert state(parked) == State.DRAFT
    second = in_group(signed_in, "administrator")
    assert press(second, month, chosen=[parked.pk]) == ["One invoice is final."]
    assert state(parked) == State.FINALIZED
    assert parked.finalized_by == User.objects.get(email="administrator@staff.example")


def test_drafts_of_the_beat_are_finalized_in_bulk_after_their_grace(
    clerk: Client, contract: Contract, month: date
) -> None:
    first = drafted(contract, month_before(month))
    with as_center():
        young = generate(contract, month, now=timezone.now())
    assert press(clerk, month, all="1") == ["One invoice is final."]
    assert (state(first), state(young)) == (State.FINALIZED, State.DRAFT)
    [refusal] = press(clerk, month, chosen=[young.pk, "x"])
    assert "Drafts wait for objections" in refusal


def test_the_run_is_stopped_and_goes_on(
    clerk: Client, contract: Contract, month: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.billing.tasks.run_due.delay", lambda: None)
    page = f"{month:%Y-%m}"
    assert "Stop the run" in shown(clerk, reverse(RUN), month=page)
    assert press(clerk, month, halt="1") == ["The run is stopped."]
    assert press(clerk, month, halt="1") == ["The run is stopped already"]
    stopped = shown(clerk, reverse(RUN), month=page)
    assert "No invoice is drafted" in stopped
    assert "Stop the run" not in stopped
    with pytest.raises(CommandError, match="The run is stopped"):
        call_command("run_billing", f"--period={month:%Y-%m}", stdout=StringIO())
    call_command("run_billing", f"--period={month:%Y-%m}", "--dry-run", stdout=StringIO())
    with as_center():
        assert not Invoice.objects.exists()
    assert press(clerk, month, go_on="1") == ["The run goes on."]
    assert press(clerk, month, go_on="1") == ["The run is not stopped"]
    call_command("run_billing", f"--period={month:%Y-%m}", stdout=StringIO())
    with as_center():
        assert Invoice.objects.filter(period=month).count() == 1
        told = Event.objects.filter(object_type="billing", action__in=["billing.halted", "billing.resumed"])
        assert told.count() == 2


def test_others_read_and_change_nothing(
    contract: Contract, month: date, signed_in: Callable[..., Client], sakura: Facility
) -> None:
    invoice = drafted(contract, month)
    reader = in_group(signed_in, "archivist")
    assert "Finalize all" not in shown(reader, reverse(RUN), month=f"{month:%Y-%m}")
    for what in ({"all": "1"}, {"chosen": invoice.pk}, {"release": invoice.pk}, {"halt": "1"}, {"go_on": "1"}):
        assert reader.post(reverse(RUN), what).status_code == 403
    assert reader.get(reverse("admin:billing_credit", args=[invoice.pk])).status_code == 403
    outsider = signed_in("owner@sakura.example", sakura=Role.OWNER)
    newcomer = signed_in("new@staff.example", is_staff=True)
    for page in (reverse(RUN), reverse(PROOF), reverse("admin:billing_credit", args=[invoice.pk])):
        assert outsider.get(page).status_code == 302
        assert newcomer.get(page).status_code == 403
    assert state(invoice) == State.DRAFT


def test_charges_are_chosen_and_credited(clerk: Client, contract: Contract, month: date) -> None:
    invoice = drafted(contract, month)
    page = reverse("admin:billing_credit", args=[invoice.pk])
    assert clerk.get(page).status_code == 404  # a draft
    assert told(clerk, act_address(invoice, "finalize")) == ["The invoice is final."]
    assert "Base fee" in shown(clerk, page_address(invoice))
    [charge] = charges(invoice)
    assert "2" in shown(clerk, page)
    assert told(clerk, page, chosen=charge.pk) == ["A credit note needs charges and a reason"]
    assert told(clerk, page, chosen=charge.pk, reason="agreed on the telephone") == ["The credit note is made."]
    assert "agreed on the telephone" in shown(clerk, page_address(invoice))
    assert "credited" in shown(clerk, page)
    assert told(clerk, page, chosen=charge.pk, reason="again") == ["Each charge is credited once"]
    assert state(invoice) == State.PAID


def test_the_proof_says_what_is_wrong_and_that_nothing_is(clerk: Client, contract: Contract, month: date) -> None:
    drafted(contract, month)
    assert f"{month_before(month):%Y-%m}" in shown(clerk, reverse(PROOF))
    drafted(contract, month_before(month))
    assert "All of them come to the same" in shown(clerk, reverse(PROOF))
