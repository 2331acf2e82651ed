"""Invoices and the plan by REST: what is owed and why, what tiers would cost, and what a person signs."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from apps.contracts.models import Contract, ContractVersion, Signature
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center
from apps.tiers.models import TierVersion
from tests.api.asking import Asking
from tests.billing.papers import billed_by, invoiced
from tests.portal.plans import sell, serve, store_since

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
LONG_AGO, MARCH = TODAY - timedelta(days=400), date(2026, 3, 1)


@pytest.fixture
def tiers(sakura: Facility) -> dict[str, TierVersion]:
    return sell()


@pytest.fixture
def ask(sakura: Facility, client: Client, token_for: Callable[..., str]) -> Asking:
    return Asking(client, "sakura", token_for(sakura, Scope.BILLING))


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Asking:
    return Asking(signed_in("mori@example.org", sakura=Role.OWNER), "sakura")


def test_an_invoice_is_read_down_to_its_charges(
    ask: Asking, sakura: Facility, lindenhof: Facility, token_for: Callable[..., str]
) -> None:
    invoice = invoiced(billed_by("DE", sakura))
    draft = invoiced(billed_by("DE", sakura), period=MARCH, state="draft", finalized_at=None, number="")
    assert invoice.issued_on
    [listed] = ask(f"invoices/?since={invoice.issued_on}&state=finalized").json()["invoices"]
    assert (listed["number"], Decimal(listed["gross"])) == (invoice.number, invoice.gross)
    assert ask(f"invoices/?until={invoice.issued_on - timedelta(days=1)}").json()["invoices"] == []
    assert ask("invoices/?state=eaten").status_code == 400
    told = ask(f"invoices/{invoice.pk}/").json()
    assert sum(Decimal(line["net"]) for line in told["lines"]) == invoice.net
    assert (Decimal(told["open"]), told["has_e_invoice"]) == (invoice.gross, True)
    assert ask(f"invoices/{invoice.pk}/charges/").status_code == 200
    document, xml = ask(f"invoices/{invoice.pk}/document/"), ask(f"invoices/{invoice.pk}/e-invoice/")
    assert (document.content[:5], xml.content[:5]) == (b"%PDF-", b"<?xml")
    assert xml.headers["Content-Type"] == "application/xml"
    foreign = Asking(ask.client, "lindenhof", token_for(lindenhof, Scope.BILLING))
    for path in ("", "charges/", "document/", "e-invoice/"):
        assert ask(f"invoices/{draft.pk}/{path}").status_code == 404
        assert foreign(f"invoices/{invoice.pk}/{path}").status_code == 404


def test_an_owner_says_what_invoices_call_the_facility(ask: Asking, owner: Asking, sakura: Facility) -> None:
    assert ask("billing-details/").status_code == 404
    billed_by("DE", sakura)
    details = {"legal_name": "Sakura K.K.", "address": "1-2-3 Chuo", "vat_id": "", "email": "office@sakura.example"}
    assert owner("billing-details/", details, method="put").json() == details
    assert ask("billing-details/").json() == details
    assert ask("billing-details/", details, method="put").status_code == 401
    for wrong in ({"email": "x"}, {"legal_name": ""}, {"address": "a\0"}):
        assert owner("billing-details/", details | wrong, method="put").status_code == 400


def test_tiers_are_compared_and_an_owner_takes_one_at_the_amounts_that_were_told(
    ask: Asking, owner: Asking, sakura: Facility, tiers: dict[str, TierVersion]
) -> None:
    serve(sakura, tiers["monthly"], starts_on=LONG_AGO)
    store_since(sakura, LONG_AGO, TODAY)
    offered = ask("plan/tiers/?urgency=7").json()
    assert (offered["months"], offered["is_estimate"]) == (12, False)
    best = [each["name"] for each in offered["tiers"] if each["is_best"]]
    assert best == ["Daily online"]
    assert [each["name"] for each in offered["tiers"] if each["is_agreed"]] == ["Monthly visit"]
    estimate = ask("plan/tiers/?studies=20&mb=150.5&films=10").json()
    assert (estimate["is_estimate"], len(estimate["tiers"])) == (True, 5)
    for wrong in ("urgency=3", "budget=NaN", "studies=1", "mb=x&studies=1"):
        assert ask(f"plan/tiers/?{wrong}").status_code == 400
    weekly = f"plan/tiers/{tiers['weekly'].pk}/"
    proposals = ask(weekly).json()["proposals"]
    assert proposals[0]["effective_from"] == str(TODAY)
    for month in proposals[1]["months"]:
        assert Decimal(month["difference"]) == Decimal(month["after"]) - Decimal(month["before"])
    assert ask(f"plan/tiers/{tiers['monthly'].pk}/").status_code == 404
    wish = {"change": proposals[1]["change"], "name": "Mori Haruka"}
    assert ask(weekly, wish).status_code == 401
    assert owner(weekly, wish | {"change": "1.1.1.2026-01-01"}).status_code == 400
    taken = owner(weekly, wish)
    assert (taken.status_code, taken.json()["tier"]) == (201, "Weekly visit")
    again = owner(weekly, wish)
    assert (again.status_code, again.json()["code"]) == (400, "invalid")
    plan = ask("plan/").json()
    assert [each["number"] for each in plan["versions"]] == [1, 2]
    assert plan["agreed"]["tier"] == "Monthly visit"
    document = ask(f"plan/versions/{taken.json()['id']}/document/")
    assert document.content[:5] == b"%PDF-"
    with as_center():
        assert Signature.objects.get().name == "Mori Haruka"


def test_notice_is_foreseen_given_and_taken_back_by_an_owner(
    ask: Asking, owner: Asking, sakura: Facility, tiers: dict[str, TierVersion]
) -> None:
    assert ask("plan/").json()["contract"] is None
    assert ask("plan/notice/").status_code == 404
    serve(sakura, tiers["monthly"], starts_on=LONG_AGO)
    foreseen = ask("plan/notice/").json()
    assert ask("plan/").json()["could_end_on"] == foreseen["ends_on"]
    assert ask("plan/notice/", {}).status_code == 401
    assert owner("plan/notice/", {}).json() == foreseen
    twice = owner("plan/notice/", {})
    assert (twice.status_code, twice.json()["code"]) == (409, "illegal_transition")
    assert owner("plan/returned/", {}).json()["code"] == "not_returned"
    assert ask("plan/").json()["contract"]["state"] == "terminating"
    assert owner("plan/notice/", method="delete").status_code == 204
    with as_center():
        assert Contract.objects.get().notice_on is None
        version = ContractVersion.objects.get()
    name = "Mori \u0005ⴰⵣⵓⵍ \ufffe"  # a document shows what it has glyphs for
    assert owner(f"plan/versions/{version.pk}/sign/", {"name": name}).status_code == 200
    assert owner(f"plan/versions/{version.pk}/sign/", {"name": "Mori Haruka"}).status_code == 409
