"""The end of a contract: returned, confirmed, erased through the gate with certificates, nothing before its floor."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, BinaryIO

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.audit.signing import checked
from apps.contracts.agreeing import give_notice, withdraw_notice
from apps.contracts.models import Contract, State
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders import restoring
from apps.orders.errors import NoContract
from apps.orders.manifest import claims_of
from apps.orders.models import OrderKind
from apps.orders.ordering import complete
from apps.orders.returning import NotReturned, confirm_return
from apps.retention.assessing import assess_pending
from apps.retention.certificates import TYP
from apps.retention.models import Disposition
from apps.retention.models.dispositions import State as DispositionState
from apps.retention.sweep import sweep
from apps.retention.winding_up import StillStored, close, close_due
from tests.orders.sent import ready, send
from tests.orders.stories import may_order, now, quoted
from tests.portal.pages import dicom, store, url
from tests.retention import stories
from tests.retention.workplace import act_address, in_group, page_address, shown, told

pytestmark = pytest.mark.usefixtures("committed_db")
BROKEN = b"\0" * 128 + b"DICM" + b"\xff" * 64
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}
TODAY = timezone.now().date()


@pytest.fixture
def staff(committed_db: None, person: Callable[..., User]) -> User:
    return person("staff@center.example", is_staff=True)


@pytest.fixture
def leaving(lindenhof: Facility, staff: User) -> Contract:
    """Notice was given of a contract under which one study may go and another one must be kept for ten years."""
    return notice_given(lindenhof, staff, stories.LONG_AGO, TODAY - timedelta(days=30))


def notice_given(facility: Facility, staff: User, *study_dates: date) -> Contract:
    stories.in_force("de-diag", by=staff)
    for number, day in enumerate(study_dates):
        stories.stored(facility, day, PatientID=f"P{number}", **BORN)
    contract = may_order(facility, restore="2", download="500")
    with as_center():
        give_notice(contract, on=TODAY, actor=SYSTEM, now=now())
    assess_pending()
    return contract


def returned(facility: Facility, staff: User) -> None:
    """Everything is back at the facility, which says so of the order."""
    order = ready(facility, staff, OrderKind.RESTORE)
    send(order, staff)
    with as_facility(facility):
        complete(order, actor=SYSTEM, now=now())


def confirmed(contract: Contract, by: User) -> None:
    with as_facility(contract.facility_id):
        confirm_return(contract, by=by, actor=SYSTEM, now=now())


def fresh(contract: Contract) -> Contract:
    with as_center():
        return Contract.objects.get(pk=contract.pk)


def over(contract: Contract) -> None:
    """Its last day has passed."""
    with as_center():
        Contract.objects.filter(pk=contract.pk).update(ends_on=TODAY)
        contract.refresh_from_db()


def dispositions() -> list[Disposition]:
    return stories.dispositions()


def test_what_may_go_is_erased_and_what_must_be_kept_keeps_the_contract_open(
    leaving: Contract, lindenhof: Facility, staff: User, signed_in: Callable[..., Client], settings: Any
) -> None:
    owner = signed_in("owner@lindenhof.example", lindenhof="owner")
    by = User.objects.get(email="owner@lindenhof.example")
    with pytest.raises(NotReturned, match="first"):
        confirmed(leaving, by)
    returned(lindenhof, staff)
    assert owner.post(url("confirm_return", "lindenhof")).status_code == 302
    assert fresh(leaving).returned_at
    sweep()
    assert [each.state for each in dispositions()] == [DispositionState.NOTIFIED], "the contract still serves"
    over(leaving)
    sweep()
    [erased] = dispositions()
    assert (erased.state, erased.decision) == (DispositionState.DELETED, "contract_end")
    assert checked(erased.certificate, typ=TYP)["approved_by"] == "contract_end"
    year = TODAY.year + 10
    with as_center(), pytest.raises(StillStored, match=f"1 studies are stored still: 1 must be kept.* {year}"):
        close(leaving, actor=SYSTEM, now=now())
    assert close_due(now=now()) == 0
    with as_center(), pytest.raises(DatabaseError, match="is stored under this"), transaction.atomic():
        Contract.objects.filter(pk=leaving.pk).update(state=State.ENDED)

    page = shown(owner, url("plan", "lindenhof"))
    assert "1 study is stored still" in page
    assert f"Kept until {year}" in page
    settings.STAFF_SECOND_FACTOR = False
    billing = in_group(signed_in, "billing")
    assert f"Must be kept until {year}" in shown(billing, page_address(leaving))
    assert "must be kept" in told(billing, act_address(leaving, "end"))[0]


def test_a_contract_under_which_nothing_is_left_ends_by_itself(lindenhof: Facility, staff: User) -> None:
    contract = notice_given(lindenhof, staff, stories.LONG_AGO)
    returned(lindenhof, staff)
    confirmed(contract, staff)
    over(contract)
    assert close_due(now=now()) == 0
    sweep()
    assert (close_due(now=now()), close_due(now=now())) == (1, 0)
    assert fresh(contract).state == State.ENDED


def test_what_comes_after_the_restore_was_not_returned(leaving: Contract, lindenhof: Facility, staff: User) -> None:
    returned(lindenhof, staff)
    stories.stored(lindenhof, PatientID="late", **BORN)
    with pytest.raises(NotReturned, match="Images came after"):
        confirmed(leaving, staff)
    returned(lindenhof, staff)
    confirmed(leaving, staff)
    stories.store(lindenhof, BROKEN)
    with pytest.raises(NotReturned, match="came after"), transaction.atomic():
        confirmed(leaving, staff)
    late = stories.stored(lindenhof, PatientID="later", **BORN)
    over(leaving)
    sweep()
    states = {each.study_instance_uid: each.state for each in dispositions()}
    assert states[late.study_instance_uid] == DispositionState.NOTIFIED, "it was never returned"


def test_notice_that_is_withdrawn_takes_the_confirmation_back(
    leaving: Contract, lindenhof: Facility, staff: User
) -> None:
    returned(lindenhof, staff)
    confirmed(leaving, staff)
    with as_center():
        withdraw_notice(leaving, actor=SYSTEM, now=now())
        assert Contract.objects.get(pk=leaving.pk).returned_at is None


def test_images_come_back_after_the_last_day_and_nothing_else_is_ordered(
    leaving: Contract, lindenhof: Facility, staff: User
) -> None:
    over(leaving)
    with pytest.raises(NoContract):
        quoted(lindenhof)
    returned(lindenhof, staff)
    confirmed(leaving, staff)


def test_how_much_a_terminal_has_is_held_against_the_manifest_that_was_verified_once(
    sakura: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(sakura, dicom(1, 1), dicom(1, 2))
    may_order(sakura, restore="2")
    order = ready(sakura, staff, OrderKind.RESTORE)
    send(order, staff)
    verified = list[dict[str, Any]]()

    def counted(file: BinaryIO) -> dict[str, Any]:
        verified.append(claims_of(file))
        return verified[-1]

    monkeypatch.setattr(restoring, "claims_of", counted)
    with as_facility(sakura):
        found = restoring.restore_of(sakura, order.uid, now=now())
        assert found
        digest = bytes(found[1].sha256 or b"").hex()
        told = [
            restoring.note_arrived(*found, manifest_sha256=digest, files=files, size_bytes=files, now=now())
            for files in (0, 1, 2)
        ]
        with pytest.raises(restoring.NotSoMuch):
            restoring.note_arrived(*found, manifest_sha256=digest, files=3, size_bytes=3, now=now())
        assert [(each.files, each.total_files) for each in told] == [(0, 2), (1, 2), (2, 2)]
    assert len(verified) == 1
