"""The contract as a document, and its signature."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO

import pytest
from django.db import DatabaseError, transaction
from pypdf import PdfReader

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.contracts.agreeing import amend, approve
from apps.contracts.errors import IllegalTransition, MayNotSign
from apps.contracts.models import ContractVersion, Signature
from apps.contracts.signing import document, sign
from apps.contracts.wording import differences
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from tests.contracts.stories import at, drafted, price_list, tier_version
from tests.notifications.told import rows

START = date(2026, 1, 1)
ADDRESS = "192.0.2.7"


def text(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


@pytest.fixture
def version(sakura: Facility) -> ContractVersion:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(name="さくら Clinic")
    prices = price_list(
        tier_version(agreed_instances=4000, agreed_bytes=60 * 10**9), base_fee="20000", storage_gb="12.5"
    )
    contract = drafted(sakura, START, prices, minimum_period="P10Y", discount_percent=Decimal("2.50"))
    with as_center():
        return contract.versions.select_related("contract", "facility").get()


def signed(version: ContractVersion, by: User, name: str = " Mori Haruka ") -> Signature:
    with as_facility(version.facility_id):
        return sign(version, name=name, by=by, source_address=ADDRESS, actor=SYSTEM, now=at(START))


def test_the_document_says_what_is_agreed_on(version: ContractVersion) -> None:
    with as_center():
        made = document(version)
        assert document(version) == made
    said = text(made)
    for fact in ("さくら", "C-0", "Every month", "4,000 images, 60 GB", "¥20,000 per month", "12.5 JPY per GB-month",
                 "10 years", "2.5 %", "2026-01-01", "Not signed"):  # fmt: skip
        assert fact in said, fact


def test_an_owner_signs_and_what_was_signed_is_kept(version: ContractVersion, person: Callable[..., User]) -> None:
    owner = person("owner@sakura.example", sakura=Role.OWNER)
    made = signed(version, owner)
    said = text(bytes(made.document))
    for fact in ("Mori Haruka", "owner@sakura.example", "2026-01-01 12:00:00 UTC", ADDRESS):
        assert fact in said, fact
    with as_center():
        assert document(version) == bytes(made.document)
        assert bytes(made.document_sha256) == sha256(bytes(made.document)).digest()
        event = Event.objects.get(action="contract.signed")
        assert event.details == {"version": 1, "sha256": bytes(made.document_sha256).hex()}
        for change in ({"name": "Another"}, {"document": b""}):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                Signature.objects.update(**change)
    with pytest.raises(IllegalTransition):
        signed(version, owner)


def test_nobody_else_signs(version: ContractVersion, person: Callable[..., User], lindenhof: Facility) -> None:
    for role, name in ((Role.MEMBER, "A. Member"), (Role.VIEWER, "A. Viewer"), (Role.OWNER, "  ")):
        with pytest.raises(MayNotSign):
            signed(version, person(f"{role}@sakura.example", sakura=role), name)
    for stranger in (person("owner@lindenhof.example", lindenhof=Role.OWNER), person("s@x.example", is_staff=True)):
        with pytest.raises(MayNotSign):
            signed(version, stranger)
    with as_facility(lindenhof), pytest.raises(version.contract.DoesNotExist):
        sign(version, name="A. Stranger", by=User.objects.latest("pk"), source_address=None, actor=SYSTEM,
             now=at(START))  # fmt: skip


def test_owners_are_told_what_waits_for_them_and_what_is_agreed(
    version: ContractVersion, person: Callable[..., User]
) -> None:
    """By staff: a draft, then an amendment that is to be approved. By an owner: an amendment, signed with it."""
    owner, staff = person("owner@sakura.example", sakura=Role.OWNER), person("staff@center.example", is_staff=True)
    approved = price_list(tier_version("custom", needs_approval=True))
    day = START + timedelta(days=30)

    def agreed() -> list[str]:
        return [each.object_id for each in rows(Kind.CONTRACT_CHANGED)]

    with as_center():
        second = amend(version.contract, effective_from=day, actor=SYSTEM, now=at(START), by=staff,
                       tier_version=approved.tier_version)  # fmt: skip
    [first_offer, offer] = rows(Kind.CONTRACT_TO_SIGN)
    assert first_offer.object_id == str(version.pk)
    assert (offer.path, offer.due_on) == (f"/f/sakura/plan/versions/{second.pk}/sign", day)
    assert agreed() == []
    signed(version, owner)
    signed(second, owner)
    assert agreed() == [str(version.pk)]
    with as_center():
        approve(second, by=staff, actor=SYSTEM, now=at(START))
    assert agreed() == [str(version.pk), str(second.pk)]
    told = rows(Kind.CONTRACT_CHANGED)[1]
    assert (told.path, told.facts) == ("/f/sakura/plan/", {"effective_on": "2026-01-31"})
    with as_center():
        third = amend(version.contract, effective_from=day, actor=SYSTEM, now=at(START), by=owner, payment_days=10)
        approve(third, by=staff, actor=SYSTEM, now=at(START))
    assert agreed() == [str(version.pk), str(second.pk)]
    signed(third, owner)
    assert agreed() == [str(version.pk), str(second.pk), str(third.pk)]
    assert len(rows(Kind.CONTRACT_TO_SIGN)) == 2


def test_what_a_change_changes_is_told(version: ContractVersion) -> None:
    weekly = price_list(tier_version("weekly", frequency="weekly"), base_fee="60000", visit="7000")
    with as_center():
        made = amend(version.contract, effective_from=START + timedelta(days=9), actor=SYSTEM, now=at(START),
                     tier_version=weekly.tier_version, payment_days=10)  # fmt: skip
        told = {each.name: (each.before, each.after) for each in differences(version, made)}
    assert told == {
        "Tier": ("Monthly (1)", "Weekly (1)"),
        "Collection": ("Every month", "Every week"),
        "Amount a collection": ("4,000 images, 60 GB", "no limit"),
        "Price: Base fee": ("¥20,000 per month", "¥60,000 per month"),
        "Price: Storage by volume": ("12.5 JPY per GB-month", "-"),
        "Price: Collection by visit": ("-", "¥7,000 per visit"),
        "Invoices are paid": ("within 30 days", "within 10 days"),
    }
