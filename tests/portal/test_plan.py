"""The plan in the portal: what is agreed, what tiers would cost, changes with their amounts, notice; by whom."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.contracts.agreeing import approve
from apps.contracts.models import Contract, ContractVersion, Signature, State
from apps.core.money import Currency, apportioned
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.tiers.models import Price, PriceList, TierVersion
from tests.portal.pages import url
from tests.portal.plans import sell, serve, store_since

Enter = Callable[..., Client]
Tiers = dict[str, TierVersion]
TODAY = timezone.localdate()
LONG_AGO = TODAY - timedelta(days=400)
NEXT_MONTH = (TODAY.replace(day=28) + timedelta(days=4)).replace(day=1)


@pytest.fixture
def tiers(sakura: Facility) -> Tiers:
    return sell()


@pytest.fixture
def contract(sakura: Facility, tiers: Tiers) -> Contract:
    return serve(sakura, tiers["monthly"], starts_on=LONG_AGO)


@pytest.fixture
def owner(sakura: Facility, signed_in: Enter) -> Client:
    return signed_in("mori@example.org", sakura=Role.OWNER)


@pytest.fixture
def member(sakura: Facility, signed_in: Enter) -> Client:
    return signed_in("endo@example.org", sakura=Role.MEMBER)


def page(client: Client, name: str = "plan", query: str = "", **arguments: Any) -> str:
    answer = client.get(url(name, **arguments) + query)
    assert answer.status_code == 200
    return text(answer)


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())).split())


def tokens(client: Client, version: TierVersion) -> list[str]:
    """Of now and of the next month, as the page of a change offers them."""
    answer = client.get(url("take_tier", tier_version_id=version.pk))
    return re.findall(r'name="change"\s+value="([^"]+)"', answer.content.decode())


def take(client: Client, version: TierVersion, token: str, name: str = "Mori Haruka") -> Any:
    address = url("take_tier", tier_version_id=version.pk)
    return client.post(address, {"change": token, "name": name}, follow=True)


def versions() -> list[tuple[int, str, date]]:
    with as_center():
        rows = ContractVersion.objects.select_related("tier_version__tier").order_by("contract", "number")
        return [(row.number, row.tier_version.tier.code, row.effective_from) for row in rows]


def test_the_contract_and_the_tiers_are_shown_with_what_they_would_have_cost(
    contract: Contract, sakura: Facility, member: Client
) -> None:
    store_since(sakura, LONG_AGO, TODAY)
    shown = page(member, query="?urgency=7")
    assert "Monthly visit An operator comes once a month with the collector. In force" in shown
    assert f"In force since {LONG_AGO}" in shown
    assert "Notice period 3 months" in shown
    assert "Your last 12 full months" in shown
    assert "Daily online Best for you" in shown
    assert "The cheapest tier that has every image safe within 7 days" in shown
    assert "Monthly visit Yours" in shown
    assert re.search(r"Continuous.* not at all 0 days a year at risk", shown)
    assert "Choose Daily online" not in shown  # an owner's


def test_what_some_months_come_to_is_told_as_a_year_collections_too(
    sakura: Facility, tiers: Tiers, owner: Client
) -> None:
    begun = TODAY - timedelta(days=130)
    serve(sakura, tiers["weekly"], starts_on=begun)
    store_since(sakura, begun, TODAY)
    told = re.search(r"(\d+) collections 7 days at most", page(owner))
    assert told
    assert 50 <= int(told[1]) <= 54


def test_what_is_asked_of_the_simulator_is_checked(contract: Contract, member: Client) -> None:
    for query in ("?urgency=3", "?budget=-1", "?budget=NaN", "?studies=-1&mb=1&films=1", "?studies=1&mb=x&films=1"):
        assert member.get(url("plan") + query).status_code == 422
    assert "It is above your budget" in page(member, query="?studies=10&mb=100&films=5&budget=1&urgency=1")


def test_a_clinic_without_a_history_says_what_it_expects(tiers: Tiers, owner: Client) -> None:
    shown = page(owner, query="?studies=20&mb=150&films=10&urgency=30")
    assert "You have no contract yet" in shown
    assert "A first year under every tier, from what you expect" in shown
    assert "Monthly visit Best for you" in shown


def test_viewers_see_no_prices(contract: Contract, owner: Client, signed_in: Enter) -> None:
    viewer = signed_in("abe@example.org", sakura=Role.VIEWER)
    assert viewer.get(url("plan")).status_code == 403
    assert b"/plan/" not in viewer.get(url("dashboard")).content
    assert b"/plan/" in owner.get(url("dashboard")).content


def test_a_change_now_shows_exact_shares_of_the_month_and_is_signed(
    contract: Contract, tiers: Tiers, owner: Client
) -> None:
    days = (NEXT_MONTH - timedelta(days=1)).day
    before, left = TODAY.day - 1, days - TODAY.day + 1
    shares = [apportioned(Decimal(price), weights, "JPY")[0]
              for price, weights in ((12000, [before, left]), (24000, [left, before]))]  # fmt: skip
    shown = page(owner, "take_tier", tier_version_id=tiers["weekly"].pk)
    assert f"Base fee ¥12,000 ¥{sum(shares):,}" in shown
    assert "Base fee ¥12,000 ¥24,000" in shown  # the month after
    now, _later = tokens(owner, tiers["weekly"])
    assert "Signed: Weekly visit from" in text(take(owner, tiers["weekly"], now))
    assert versions() == [(1, "monthly", LONG_AGO), (2, "weekly", TODAY)]
    with as_center():
        signature = Signature.objects.select_related("version").get()
    assert (signature.name, signature.version.number) == ("Mori Haruka", 2)
    document = owner.get(url("contract_document", version_id=signature.version_id))
    assert document.headers["Content-Type"] == "application/pdf"
    assert document.content == bytes(signature.document)


def test_a_change_with_the_next_month_leaves_this_one_as_it_is(contract: Contract, tiers: Tiers, owner: Client) -> None:
    _now, later = tokens(owner, tiers["weekly"])
    shown = text(take(owner, tiers["weekly"], later))
    assert f"From {NEXT_MONTH} you have Weekly visit" in shown
    assert f"Weekly visit Yours from {NEXT_MONTH}" in shown
    assert versions() == [(1, "monthly", LONG_AGO), (2, "weekly", NEXT_MONTH)]


def test_the_form_sent_twice_changes_once(contract: Contract, tiers: Tiers, owner: Client) -> None:
    now, _later = tokens(owner, tiers["weekly"])
    take(owner, tiers["weekly"], now)
    take(owner, tiers["weekly"], now)
    with as_center():
        assert (ContractVersion.objects.count(), Signature.objects.count()) == (2, 1)


def test_prices_that_changed_since_they_were_shown_are_not_agreed_on(
    contract: Contract, tiers: Tiers, owner: Client
) -> None:
    now, _later = tokens(owner, tiers["weekly"])
    with as_center():
        dearer = PriceList.objects.create(
            tier_version=tiers["weekly"], currency=Currency.JPY, effective_from=TODAY - timedelta(days=1)
        )
        Price.objects.create(price_list=dearer, item="base_fee", unit_price=99999)
    assert "has changed since these amounts were shown" in text(take(owner, tiers["weekly"], now))
    assert len(versions()) == 1


def test_a_tier_that_is_offered_no_more_is_not_taken(contract: Contract, tiers: Tiers, owner: Client) -> None:
    now, _later = tokens(owner, tiers["weekly"])
    with as_center():
        TierVersion.objects.filter(pk=tiers["weekly"].pk).update(offered_until=TODAY - timedelta(days=1))
    assert "not offered any more" in text(take(owner, tiers["weekly"], now))
    gone = owner.get(url("take_tier", tier_version_id=tiers["weekly"].pk), follow=True)
    assert "not offered any more" in text(gone)
    assert len(versions()) == 1
    assert owner.get(url("take_tier", tier_version_id=10**9)).status_code == 404


def test_nothing_is_agreed_on_without_a_day_and_a_name(contract: Contract, tiers: Tiers, owner: Client) -> None:
    now, _later = tokens(owner, tiers["weekly"])
    for wrong in ({"change": now}, {"name": "Mori"}, {"change": "1.1.1.2020-01-01", "name": "Mori"},
                  {"change": now, "name": " "}, {"change": "x", "name": "Mori"}):  # fmt: skip
        assert owner.post(url("take_tier", tier_version_id=tiers["weekly"].pk), wrong).status_code == 422
    assert len(versions()) == 1


def test_what_the_center_approves_waits_and_changes_nothing_until_then(
    contract: Contract, tiers: Tiers, owner: Client, person: Callable[..., Any]
) -> None:
    now, _later = tokens(owner, tiers["continuous"])
    shown = text(take(owner, tiers["continuous"], now))
    assert "waits for the center's approval" in shown
    assert "Monthly visit Yours" in shown
    staff = person("staff@center.example", is_staff=True)
    with as_center():
        waiting = ContractVersion.objects.get(number=2)
        approve(waiting, by=staff, actor=SYSTEM, now=timezone.now())
    shown = page(owner)
    assert "waits for the center's approval" not in shown
    assert "Continuous Yours" in shown


def test_a_first_contract_begins_when_it_is_signed(tiers: Tiers, owner: Client) -> None:
    assert "Choose Monthly visit" in page(owner)
    now, _later = tokens(owner, tiers["monthly"])
    take(owner, tiers["monthly"], now)
    take(owner, tiers["monthly"], now)
    with as_center():
        [contract] = Contract.objects.all()
    assert (contract.state, contract.starts_on, contract.currency) == (State.ACTIVE, TODAY, "JPY")
    assert "In force" in page(owner)


def test_a_first_contract_that_the_center_approves_stays_a_draft(tiers: Tiers, owner: Client) -> None:
    now, _later = tokens(owner, tiers["continuous"])
    assert "It begins when the center has approved it" in text(take(owner, tiers["continuous"], now))
    with as_center():
        assert Contract.objects.get().state == State.DRAFT


def test_notice_says_first_when_the_contract_would_end(contract: Contract, owner: Client, member: Client) -> None:
    preview = owner.post(url("end_plan"))
    assert "Nothing is deleted by giving notice" in text(preview)
    assert member.post(url("end_plan"), {"confirmed": "yes"}).status_code == 403
    with as_center():
        assert Contract.objects.get().state == State.ACTIVE
    assert "Notice is given" in text(owner.post(url("end_plan"), {"confirmed": "yes"}, follow=True))
    for sent in ({"confirmed": "yes"}, {}):
        assert "Notice was given before" in text(owner.post(url("end_plan"), sent, follow=True))
    with as_center():
        ending = Contract.objects.get()
    assert ending.state == State.TERMINATING
    assert ending.ends_on is not None
    assert ending.ends_on > TODAY + timedelta(days=80)
    assert f"Ends {ending.ends_on}" in page(member)
    owner.post(url("keep_plan"))
    with as_center():
        assert Contract.objects.get().state == State.ACTIVE


def test_members_look_and_owners_alone_change(contract: Contract, tiers: Tiers, owner: Client, member: Client) -> None:
    now, _later = tokens(owner, tiers["weekly"])
    assert take(member, tiers["weekly"], now).status_code == 403
    assert member.get(url("take_tier", tier_version_id=tiers["weekly"].pk)).status_code == 403
    assert len(versions()) == 1


def test_another_facilitys_contract_is_neither_seen_nor_signed(
    contract: Contract, tiers: Tiers, owner: Client, lindenhof: Facility, signed_in: Enter
) -> None:
    now, _later = tokens(owner, tiers["weekly"])
    take(owner, tiers["weekly"], now)
    with as_center():
        signed = ContractVersion.objects.get(number=2)
        unsigned = ContractVersion.objects.get(number=1)
    stranger = signed_in("vogt@example.org", lindenhof=Role.OWNER)
    for name, version in (("contract_document", signed), ("sign_version", unsigned)):
        for slug in ("sakura", "lindenhof"):
            assert stranger.get(url(name, slug, version_id=version.pk)).status_code == 404
    assert stranger.post(url("sign_version", "lindenhof", version_id=unsigned.pk), {"name": "V"}).status_code == 404
    assert stranger.get(url("take_tier", "lindenhof", tier_version_id=tiers["weekly"].pk)).status_code == 404
    assert stranger.post(url("end_plan", "sakura"), {"confirmed": "yes"}).status_code == 404
    assert "No tier is offered in your currency yet" in text(stranger.get(url("plan", "lindenhof")))


def test_a_version_drawn_up_by_the_center_is_read_and_signed_once(contract: Contract, owner: Client) -> None:
    with as_center():
        version = ContractVersion.objects.get()
    assert "Sign it" in page(owner)
    address = url("sign_version", version_id=version.pk)
    assert "Minimum term 1 year" in text(owner.get(address))
    assert owner.post(address, {"name": ""}).status_code == 422
    assert "Signed: Monthly visit" in text(owner.post(address, {"name": "Mori Haruka"}, follow=True))
    assert "This was signed before" in text(owner.post(address, {"name": "Mori Haruka"}, follow=True))
    with as_center():
        assert Signature.objects.count() == 1
