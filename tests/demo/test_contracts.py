"""The contracts of the demonstration."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.contracts.agreeing import contract_of, version_of, versions_of
from apps.contracts.models import Contract, ContractVersion, Signature, State
from apps.contracts.schedule import Schedule, schedules_of
from apps.core.money import Currency
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.tiers.models import PriceList, Tier
from medvault.demo.contracts import TIERS, seed_contracts


@pytest.fixture
def seeded(sakura: Facility, lindenhof: Facility, person: Callable[..., User]) -> None:
    """Seeded twice, as after an interrupted start."""
    for facility in (sakura, lindenhof):
        owner = person(f"owner@{facility.slug}.example", **{facility.slug: Role.OWNER})
        User.objects.filter(pk=owner.pk).update(name="An Owner")
    for _again in range(2):
        seed_contracts({"sakura": sakura, "lindenhof": lindenhof}, now=timezone.now())


@pytest.mark.usefixtures("seeded")
def test_both_clinics_have_a_signed_contract_in_force(sakura: Facility, lindenhof: Facility) -> None:
    today = timezone.now().date()
    with as_center():
        assert Tier.objects.count() == len(TIERS)
        assert PriceList.objects.count() == 2 * len(TIERS)
        assert Contract.objects.filter(state=State.ACTIVE).count() == Contract.objects.count() == 2
        assert Signature.objects.count() == ContractVersion.objects.count() == 5
        told = schedules_of([sakura, lindenhof], as_of=timezone.now())
        assert told[sakura.pk] == Schedule(visit_every_days=7, agreed_instances=4000, agreed_bytes=60 * 10**9)
        assert told[lindenhof.pk] == Schedule(push_every_hours=1)
        for facility, currency in ((sakura, Currency.JPY), (lindenhof, Currency.EUR)):
            contract = contract_of(facility.pk, on=today)
            assert contract
            assert contract.currency == currency
            assert timedelta(days=360) < today - contract.starts_on < timedelta(days=430)
            assert {each.price_list.currency for each in versions_of(contract)} == {currency}
            assert version_of(contract, on=contract.starts_on)
