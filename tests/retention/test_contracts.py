"""Storage periods follow the contract: what happens at their end, and how long they are at least."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.contracts.agreeing import activate, amend, approve, end, give_notice, suspend
from apps.contracts.models import OnExpiry, OnSilence
from apps.core.clock import day_of
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.agreeing import agree_on_policy
from apps.retention.assessing import assess_pending
from apps.retention.errors import ContractGoverns
from apps.retention.models import DeletionPolicy, State
from apps.retention.models.policies import policy_of
from apps.retention.sweep import sweep
from tests.contracts.stories import drafted, in_force, price_list, tier_version
from tests.retention import stories
from tests.retention.workplace import in_group, page_address, shown

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}
TODAY = day_of(timezone.now(), "Europe/Berlin")  # where the facility is
LAST_YEAR, TOMORROW = TODAY - timedelta(days=365), TODAY + timedelta(days=1)


def now() -> dict[str, Any]:
    return {"actor": SYSTEM, "now": timezone.now()}


def test_the_contract_says_what_happens_at_the_end(lindenhof: Facility, sakura: Facility) -> None:
    stories.in_force("de-diag")
    stories.agreed(lindenhof, on_expiry=OnExpiry.NOTIFY, notice_days=30)
    in_force(lindenhof, LAST_YEAR, on_expiry=OnExpiry.DELETE)
    stories.stored(lindenhof, **BORN)
    with as_center():
        assert policy_of(lindenhof.pk).on_expiry == OnExpiry.DELETE
        assert policy_of(sakura.pk).on_expiry == OnExpiry.NOTIFY
    sweep()
    [disposition] = stories.dispositions()
    assert (disposition.state, disposition.decision) == (State.DELETED, "contract")


def test_a_draft_says_nothing_and_after_the_contract_the_policy_says_it_again(lindenhof: Facility) -> None:
    stories.agreed(lindenhof, on_silence=OnSilence.DELETE, notice_days=10)
    contract = drafted(lindenhof, LAST_YEAR, notice_days=99, minimum_term="P0D", notice_period="P0D")

    def notice_days() -> int:
        with as_center():
            return policy_of(lindenhof.pk).notice_days

    assert notice_days() == 10
    with as_center():
        activate(contract, by=None, **now())
        suspend(contract, **now())
    assert notice_days() == 99
    with as_center():
        give_notice(contract, on=TODAY, **now())
        end(contract, actor=SYSTEM, now=timezone.now() + timedelta(days=1))
        contract.ends_on = TODAY
        contract.save(update_fields=["ends_on"])
    assert notice_days() == 10


def test_no_other_policy_is_agreed_on_while_a_contract_governs(
    lindenhof: Facility, signed_in: Callable[..., Client], settings: Any
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    client = in_group(signed_in, "administrator")
    contract = in_force(lindenhof, LAST_YEAR)
    with as_center(), pytest.raises(ContractGoverns, match=str(contract)):
        agree_on_policy(lindenhof, by=User.objects.get(), notice_days=5, **now())
    facts = {"facility": str(lindenhof.pk), "on_expiry": "delete", "notice_days": "30", "on_silence": "keep"}
    answer = client.post(reverse("admin:retention_deletionpolicy_add"), facts)
    assert f"Contract {contract} says" in answer.content.decode()
    assert f"contract {contract} governs" in shown(client, page_address(lindenhof))
    with as_center():
        assert not DeletionPolicy.objects.exists()


def test_a_longer_period_binds_every_study_as_soon_as_it_is_agreed_on(lindenhof: Facility, sakura: Facility) -> None:
    stories.in_force("de-diag")
    study = stories.stored(lindenhof, date(2010, 1, 1), **BORN)
    stories.stored(sakura, date(2010, 1, 1), **BORN)
    contract = drafted(lindenhof, LAST_YEAR, minimum_period="P20Y")
    assert assess_pending() == 0
    with as_center():
        activate(contract, by=None, **now())
    assert assess_pending() == 1
    assert stories.retention_of(study).kept_until == date(2030, 1, 1)
    with as_center():
        amend(contract, effective_from=TOMORROW, payment_days=5, **now())
    assert assess_pending() == 0
    with as_center():
        amend(contract, effective_from=TOMORROW, minimum_period="P30Y", **now())
    assert assess_pending() == 1
    assert stories.retention_of(study).kept_until == date(2040, 1, 1)
    with as_center():
        amend(contract, effective_from=TODAY, minimum_period="", **now())
    assert assess_pending() == 1
    assert stories.retention_of(study).kept_until == date(2040, 1, 1)


def test_a_period_that_waits_for_approval_binds_once_it_is_approved(
    lindenhof: Facility, person: Callable[..., User]
) -> None:
    stories.in_force("de-diag")
    study = stories.stored(lindenhof, date(2010, 1, 1), **BORN)
    contract = in_force(lindenhof, LAST_YEAR)
    special = price_list(tier_version("special", needs_approval=True))
    with as_center():
        made = amend(contract, effective_from=TODAY, tier_version=special.tier_version, minimum_period="P25Y", **now())
    assess_pending()
    assert stories.retention_of(study).kept_until == date(2020, 1, 1)
    with as_center():
        approve(made, by=person("staff@center.example", is_staff=True), **now())
    assert assess_pending() == 1
    assert stories.retention_of(study).kept_until == date(2035, 1, 1)
