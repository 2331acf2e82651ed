"""Staff at their pages about tiers and contracts."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.contracts.agreeing import versions_of
from apps.contracts.models import Contract, ContractVersion, State
from apps.contracts.signing import sign
from apps.core.money import Currency
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.tiers.models import PriceList, Tier, TierVersion
from tests.contracts.stories import SOLD_FROM, drafted, in_force, price_list, tier_version
from tests.retention.workplace import act_address, events, in_group, list_address, page_address, shown, told

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def billing(signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "billing")


@pytest.fixture
def operator(signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "operator")


def now_of(contract: Contract) -> Contract:
    with as_center():
        return Contract.objects.select_related("facility").get(pk=contract.pk)


TERMS = {
    "minimum_term": "P1Y", "notice_period": "P3M", "discount_percent": "0", "minimum_commitment": "0",
    "payment_days": "30", "dunning_days": "7, 21", "suspend_after_days": "", "on_expiry": "notify",
    "notice_days": "60", "reminder_days": "14", "on_silence": "keep", "minimum_period": "",
}  # fmt: skip
PROMISED = {
    "offered_from": "2026-01-01", "offered_until": "", "frequency": "weekly", "ways": ["visit"],
    "agreed_instances": "", "agreed_bytes": "", "response_hours": "24", "output_hours": "12",
    "urgent_output_hours": "2",
}  # fmt: skip


def prices(**rows: str) -> dict[str, str]:
    """The rows of a price list's form."""
    facts = {"prices-TOTAL_FORMS": str(len(rows)), "prices-INITIAL_FORMS": "0"}
    for number, (item, price) in enumerate(rows.items()):
        facts |= {f"prices-{number}-item": item, f"prices-{number}-unit_price": price, f"prices-{number}-included": "0"}
    return facts


def test_billing_makes_a_tier_a_version_and_prices(billing: Client, operator: Client) -> None:
    add = {model: reverse(f"admin:tiers_{model}_add") for model in ("tier", "tierversion", "pricelist")}
    assert operator.post(add["tier"], {"code": "weekly", "name": "Weekly", "position": "1"}).status_code == 403
    assert billing.post(add["tier"], {"code": "weekly", "name": "Weekly", "position": "1"}).status_code == 302
    with as_center():
        tier = Tier.objects.get()
    address = billing.get(act_address(tier, "another_version"))["Location"]
    facts = PROMISED | {"tier": str(tier.pk)}
    mistakes: list[dict[str, Any]] = [{"urgent_output_hours": "13"}, {"offered_until": "2025-01-01"}, {"ways": []}]
    for wrong in mistakes:
        assert billing.post(address, facts | wrong).status_code == 200, wrong
    for _twice in range(2):
        assert billing.post(address, facts).status_code == 302
    assert billing.get(address).context["adminform"].form["frequency"].value() == "weekly"
    with as_center():
        first, second = TierVersion.objects.order_by("number")
    assert (first.number, second.number, first.ways) == (1, 2, ["visit"])
    assert billing.get(act_address(first, "another_list"))["Location"].startswith(add["pricelist"])
    listed = {"tier_version": str(first.pk), "currency": "JPY", "effective_from": "2026-01-01", "urgent_factor": "1.5"}
    assert billing.post(add["pricelist"], listed | prices(base_fee="-1")).status_code == 200
    assert billing.post(add["pricelist"], listed | prices(base_fee="20000", visit="8000")).status_code == 302
    with as_center():
        made = PriceList.objects.get()
        assert {each.item: each.unit_price for each in made.prices.all()} == {"base_fee": 20000, "visit": 8000}
    assert [event.object_id for event in events("price_list.created")] == [str(made.pk)]


def test_a_tier_is_called_in_its_readers_language(
    billing: Client, operator: Client, sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    chosen = price_list(tier_version("weekly"))
    in_force(sakura, TODAY, chosen)
    tier = chosen.tier_version.tier
    facts = {"name": "Weekly", "summary": "Every week", "position": "1", "name_ja": "毎週", "summary_ja": ""}
    assert billing.post(page_address(tier), facts).status_code == 302
    assert 'value="毎週"' in shown(billing, page_address(tier))
    assert "毎週" in shown(operator, page_address(tier))
    owner = signed_in("owner@sakura.example", sakura=Role.OWNER)
    pages = [(operator, list_address(Contract)), (operator, list_address(Tier)), (owner, "/f/sakura/plan/")]
    for client, address in pages:
        assert "Weekly" in shown(client, address)
        client.cookies["django_language"] = "ja"
        page = shown(client, address)
        assert "毎週" in page
        assert "Weekly" not in page
        del client.cookies["django_language"]
    assert "Every week" in shown(owner, "/f/sakura/plan/")


def test_what_a_contract_uses_is_only_read_and_the_page_says_why(billing: Client, sakura: Facility) -> None:
    unused, used = price_list(tier_version()), price_list(tier_version())
    assert 'name="_save"' in shown(billing, page_address(unused))
    in_force(sakura, TODAY, used)
    page = shown(billing, page_address(used))
    assert "A contract uses it" in page
    assert 'name="_save"' not in page
    assert billing.post(page_address(used), prices(film="1")).status_code == 403
    version = used.tier_version
    page = shown(billing, page_address(version))
    assert "A contract uses it" in page
    assert "Operator&#x27;s visit" in page
    assert 'name="frequency"' not in page
    assert billing.post(page_address(version), PROMISED | {"offered_until": "2030-12-31"}).status_code == 302
    with as_center():
        version.refresh_from_db()
    assert (version.frequency, version.offered_from, version.offered_until) == (
        "monthly", SOLD_FROM, date(2030, 12, 31),
    )  # fmt: skip


def test_a_contract_is_drawn_up_and_put_into_force(billing: Client, operator: Client, sakura: Facility) -> None:
    chosen = price_list(tier_version())
    add = reverse("admin:contracts_contract_add")
    facts = TERMS | {"facility": str(sakura.pk), "price_list": str(chosen.pk), "effective_from": f"{TODAY}"}
    assert operator.get(add).status_code == operator.post(add, facts).status_code == 403
    for wrong in ({"notice_days": "0"}, {"reminder_days": "60"}, {"minimum_term": "a year"}, {"facility": ""},
                  {"effective_from": "2019-12-31"}):  # fmt: skip
        assert billing.post(add, facts | wrong).status_code == 200, wrong
    answer = billing.post(add, facts, follow=True)
    with as_center():
        contract = Contract.objects.get()
        assert contract.versions.get().dunning_days == [7, 21]
    assert answer.redirect_chain == [(page_address(contract), 302)]
    activate = act_address(contract, "activate")
    assert operator.post(activate, {"_form_submitted": "True"}).status_code == 403
    assert told(billing, activate) == ["The contract is in force."]
    assert told(billing, activate) == ["The contract is Active and cannot become Active"]
    page = shown(billing, page_address(contract))
    for fact in ("Monthly (1)", "¥20,000 per month", "1 year", "Every month"):
        assert fact in page, fact
    other = drafted(sakura, TODAY + timedelta(days=30), chosen)
    assert told(billing, act_address(other, "activate")) == ["The facility has a contract for some of these days"]


def test_an_amendment_is_previewed_and_agreed_on_as_it_was_seen(billing: Client, sakura: Facility) -> None:
    contract = in_force(sakura, TODAY - timedelta(days=9), payment_days=30, dunning_days=[7, 21], reminder_days=[14])
    address = act_address(contract, "amend")
    weekly = price_list(tier_version("weekly", frequency="weekly"), base_fee="60000")
    in_euro = price_list(tier_version("euro"), Currency.EUR)
    form = billing.get(address).context["form"]
    assert [each.pk for each in form.fields["price_list"].queryset] == [form["price_list"].value(), weekly.pk]
    facts = TERMS | {"price_list": str(weekly.pk), "effective_from": f"{TODAY}", "payment_days": "10", "seen": "x"}
    for wrong in ({"price_list": str(in_euro.pk)}, {"effective_from": f"{TODAY - timedelta(days=1)}"}):
        assert (
            "changes" not in billing.post(address, facts | wrong).context
            or not billing.post(address, facts | wrong).context["changes"]
        )
    preview = billing.post(address, facts)
    rows = {row[0]: tuple(row[1:]) for row in preview.context["changes"].rows}
    assert rows["Tier"] == ("Monthly (1)", "Weekly (1)")
    assert rows["Price: Base fee"] == ("¥20,000 per month", "¥60,000 per month")
    assert rows["Invoices are paid"] == ("within 30 days", "within 10 days")
    seen = preview.context["seen"]
    other = billing.post(address, facts | {"payment_days": "11", "seen": seen})
    assert other.context["changes"].rows
    with as_center():
        assert contract.versions.count() == 1
    assert events("contract.amended") == []
    assert billing.post(address, facts | {"seen": seen}).status_code == 302
    with as_center():
        first, second = versions_of(contract)
    assert (first.number, second.number, second.payment_days) == (1, 2, 10)
    assert second.agreed_by == User.objects.get(email="billing@staff.example")
    assert len(events("contract.amended")) == 1


def test_a_contract_is_suspended_resumed_and_ended(billing: Client, operator: Client, sakura: Facility) -> None:
    contract = in_force(sakura, TODAY - timedelta(days=400), minimum_term="P1Y", notice_period="P0D")
    page = page_address(contract)
    assert "suspend" not in shown(operator, page)
    assert told(billing, act_address(contract, "suspend")) == ["New outputs wait from now on."]
    assert act_address(contract, "resume") in shown(billing, page)
    assert act_address(contract, "suspend") not in shown(billing, page)
    assert told(billing, act_address(contract, "resume")) == ["Outputs go on."]
    assert "The notice is recorded" in told(billing, act_address(contract, "give_notice"), on=f"{TODAY}")[0]
    assert now_of(contract).ends_on == TODAY + timedelta(days=1)
    assert told(billing, act_address(contract, "withdraw_notice")) == ["The contract goes on."]
    told(billing, act_address(contract, "give_notice"), on=f"{TODAY}")
    assert "serves until" in told(billing, act_address(contract, "end"))[0]
    with as_center():
        Contract.objects.filter(pk=contract.pk).update(ends_on=TODAY)
    assert act_address(contract, "amend") not in shown(billing, page)
    assert told(billing, act_address(contract, "end")) == ["The contract has ended."]
    assert now_of(contract).state == State.ENDED


def test_staff_approves_once_and_anybody_reads_the_document(
    billing: Client, operator: Client, sakura: Facility, person: Callable[..., User], client: Client
) -> None:
    owner = person("owner@sakura.example", sakura=Role.OWNER)
    contract = drafted(sakura, TODAY, price_list(tier_version(needs_approval=True)))
    with as_center():
        version = contract.versions.get()
    assert told(billing, act_address(contract, "activate")) == ["Staff approves contracts of this tier first"]
    assert "waits for approval" in shown(billing, list_address(Contract))
    assert operator.post(act_address(version, "approve"), {"_form_submitted": "True"}).status_code == 403
    assert told(billing, act_address(version, "approve")) == ["It is approved."]
    assert told(billing, act_address(version, "approve")) == ["This version needs no approval, or has it"]
    with as_center():
        assert ContractVersion.objects.get().approved_by == User.objects.get(email="billing@staff.example")
        signature = sign(version, name="H. Mori", by=owner, source_address=None, actor=SYSTEM, now=timezone.now())
    address = reverse("admin:contracts_contractversion_document", args=[version.pk])
    document = operator.get(address)
    assert document.content == bytes(signature.document)
    assert document["Content-Disposition"].endswith(f'"{contract}-1.pdf"')
    assert client.get(address).status_code == 302
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(address).status_code == 302
    assert "H. Mori" in shown(operator, page_address(contract))
    assert bytes(signature.document_sha256).hex() in shown(operator, page_address(signature))


def test_the_list_is_narrowed_down_by_state(billing: Client, sakura: Facility, lindenhof: Facility) -> None:
    in_force(sakura, TODAY)
    drafted(lindenhof, TODAY)
    for state, count in (("active", 1), ("draft", 1), ("ended", 0)):
        found = billing.get(list_address(Contract), {"state__exact": state}).context["cl"]
        assert found.result_count == count
