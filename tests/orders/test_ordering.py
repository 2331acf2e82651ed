"""Orders from quote to end: what each act does, what is refused, what is held meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.catalog.models import Hold
from apps.contracts.agreeing import resume, suspend
from apps.contracts.errors import ContractSuspended
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.closing import close_due
from apps.orders.errors import IllegalTransition, NothingChosen, QuoteExpired
from apps.orders.handing_out import OFFERED_FOR
from apps.orders.models import TRANSITIONS, Order, OrderItem, QuoteLine, State, Step
from apps.orders.ordering import QUOTE_HOLDS, cancel, complete, request
from apps.orders.talking import write
from apps.orders.working import accept, dispatch, send_back, start_production
from tests.orders.stories import (
    dispatched,
    fresh,
    fulfil,
    held,
    may_order,
    now,
    producing,
    quoted,
    requested,
    state_of,
    studies,
    way,
)
from tests.portal.pages import dicom, store


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    """A facility with two studies and a contract."""
    store(sakura, dicom(1, 1), dicom(1, 2), dicom(2, 1))
    may_order(sakura)
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def test_an_order_from_quote_to_completion(clinic: Facility, staff: User) -> None:
    order = quoted(clinic, is_urgent=True)
    assert (order.instance_count, held(clinic)) == (3, 0)
    at = now()
    with as_facility(clinic):
        request(order, actor=SYSTEM, now=at)
    assert (fresh(order).due_at, held(clinic)) == (at + timedelta(hours=4), 2)
    order = dispatched(clinic, staff)
    assert (order.delivered_at is not None, held(clinic)) == (True, 4)
    with as_facility(clinic):
        complete(order, actor=SYSTEM, now=now())
    assert held(clinic) == 2
    states = [State.QUOTED, State.REQUESTED, State.ACCEPTED, State.PRODUCING, State.READY, State.DISPATCHED]
    assert way(order) == [*states, State.COMPLETED]
    with as_center():
        told = Event.objects.filter(object_type="order", object_id=str(order.pk)).order_by("pk")
        assert [event.action.removeprefix("order.") for event in told] == way(order)
        claimed = Step.objects.get(order=order, state=State.ACCEPTED)
        assert (claimed.by, fresh(order).accepted_by_id) == (staff, staff.pk)


def test_a_suspended_contract_lets_emergencies_through_alone(clinic: Facility) -> None:
    order = quoted(clinic)
    with as_center():
        contract = order.version.contract
        suspend(contract, actor=SYSTEM, now=now())
    with as_facility(clinic), pytest.raises(ContractSuspended):
        request(order, actor=SYSTEM, now=now())
    assert (state_of(order), held(clinic)) == (State.QUOTED, 0)
    with as_facility(clinic):
        request(order, emergency="operated on tonight", actor=SYSTEM, now=now())
    assert (state_of(order), fresh(order).emergency) == (State.REQUESTED, "operated on tonight")
    with as_center():
        resume(contract, actor=SYSTEM, now=now())
    assert state_of(requested(clinic)) == State.REQUESTED


def test_a_quote_holds_for_some_days(clinic: Facility) -> None:
    old, young = quoted(clinic), quoted(clinic)
    with as_facility(clinic), pytest.raises(QuoteExpired):
        request(old, actor=SYSTEM, now=old.valid_until)
    with as_facility(clinic):
        request(young, actor=SYSTEM, now=young.valid_until - timedelta(seconds=1))
    close_due(now=now() + QUOTE_HOLDS)
    assert (state_of(old), state_of(young)) == (State.CANCELLED, State.REQUESTED)


def test_what_was_deleted_since_the_quote_is_not_ordered(clinic: Facility) -> None:
    order = quoted(clinic)
    with as_center():
        first = studies(clinic)[0]
        type(first).objects.filter(pk=first.pk).update(study_instance_uid="2.25.999")
    with as_facility(clinic), pytest.raises(NothingChosen), transaction.atomic():
        request(order, actor=SYSTEM, now=now())
    assert (state_of(order), held(clinic)) == (State.QUOTED, 0)


def test_cancelling_ends_it_before_it_is_produced(clinic: Facility, staff: User) -> None:
    claimed, started = requested(clinic), producing(clinic, staff)
    assert held(clinic) == 4
    with as_facility(clinic):
        cancel(claimed, reason="ordered twice", actor=SYSTEM, now=now())
        with pytest.raises(IllegalTransition), transaction.atomic():
            cancel(started, actor=SYSTEM, now=now())
    assert (state_of(claimed), state_of(started), held(clinic)) == (State.CANCELLED, State.PRODUCING, 2)


def test_what_is_sent_back_is_delivered_once(clinic: Facility, staff: User) -> None:
    order = requested(clinic)
    seen_before = fresh(order)
    fulfil(order, staff)
    first = fresh(order).delivered_at
    with as_center():
        send_back(order, reason="an image is missing", by=staff, actor=SYSTEM, now=now())
        for as_known in (fresh(order), seen_before):
            with pytest.raises(IllegalTransition), transaction.atomic():
                cancel(as_known, actor=SYSTEM, now=now())
        start_production(order, by=staff, actor=SYSTEM, now=now())
        send_back(order, reason="again", by=staff, actor=SYSTEM, now=now())
    assert (fresh(order).delivered_at, fresh(order).problem, held(clinic)) == (first, "again", 2)


def test_an_order_whose_term_has_passed_is_completed(clinic: Facility, staff: User) -> None:
    order = dispatched(clinic, staff)
    close_due(now=now() + OFFERED_FOR - timedelta(hours=1))
    assert state_of(order) == State.DISPATCHED
    close_due(now=now() + OFFERED_FOR)
    assert (state_of(order), held(clinic)) == (State.COMPLETED, 0)


@pytest.mark.parametrize("before", list(State))
def test_what_a_state_does_not_allow_the_database_refuses_too(clinic: Facility, before: State) -> None:
    order = quoted(clinic)
    with as_center():
        for state in path_to(before):
            Order.objects.filter(pk=order.pk).update(state=state)
        for after in set(State) - TRANSITIONS[before] - {before}:
            with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
                Order.objects.filter(pk=order.pk).update(state=after)
            with pytest.raises(IllegalTransition):
                Order.objects.get(pk=order.pk).advance(after)
        for after in TRANSITIONS[before]:
            with transaction.atomic():
                assert Order.objects.filter(pk=order.pk).update(state=after) == 1
                transaction.set_rollback(True)


def path_to(state: State) -> list[State]:
    """States that lead there from the quote."""
    line = [State.REQUESTED, State.ACCEPTED, State.PRODUCING, State.READY, State.DISPATCHED, State.COMPLETED]
    if state == State.CANCELLED:
        return [State.CANCELLED]
    return line[: line.index(state) + 1] if state in line else []


def test_a_quote_is_not_changed_by_anybody(clinic: Facility) -> None:
    order = requested(clinic)
    for enter in (as_center, lambda: as_facility(clinic)):
        for change in (
            {"amount": 0}, {"is_urgent": True}, {"currency": "EUR"}, {"instance_count": 9}, {"ready_hours": 1},
            {"requested_at": now()}, {"due_at": now()}, {"emergency": "x"},
        ):  # fmt: skip
            with enter(), pytest.raises(DatabaseError, match="change"), transaction.atomic():
                Order.objects.filter(pk=order.pk).update(**change)
        with enter(), pytest.raises(DatabaseError, match=r"append-only|denied"), transaction.atomic():
            QuoteLine.objects.update(amount=0)
        with enter(), pytest.raises(DatabaseError, match="was requested"), transaction.atomic():
            OrderItem.objects.create(facility=clinic, order=order, study_instance_uid="2.25.3")


def test_a_facility_does_not_do_the_centers_part(clinic: Facility, staff: User) -> None:
    order = requested(clinic)
    for change in ({"state": State.ACCEPTED}, {"delivered_at": now()}, {"tracking_number": "1"}):
        with as_facility(clinic), pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
            Order.objects.filter(pk=order.pk).update(**change)
    assert state_of(order) == State.REQUESTED


def test_strangers_see_and_change_nothing(clinic: Facility, lindenhof: Facility, staff: User) -> None:
    order = requested(clinic)
    with as_facility(lindenhof):
        assert not Order.objects.exists()
        assert not OrderItem.objects.exists()
        for act in (cancel, complete):
            with pytest.raises(Order.DoesNotExist):
                act(order, actor=SYSTEM, now=now())
        with pytest.raises(DatabaseError), transaction.atomic():
            write(order, text="x", by=staff, is_from_center=False, actor=SYSTEM, now=now())
    assert state_of(order) == State.REQUESTED


def test_of_two_staff_who_claim_an_order_one_wins(
    committed_db: None, clinic: Facility, person: Callable[..., User]
) -> None:
    order = requested(clinic)
    rivals = [person(f"{name}@center.example", is_staff=True) for name in ("one", "other")]
    barrier = Barrier(2)

    def claim(by: User) -> str:
        try:
            mine = fresh(order)
            barrier.wait(30)
            with as_center():
                accept(mine, by=by, actor=SYSTEM, now=now())
            return by.email
        except IllegalTransition:
            return "too late"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        told = sorted(threads.map(claim, rivals))
    claimed = fresh(order).accepted_by
    assert claimed is not None
    assert told == sorted([claimed.email, "too late"])
    assert way(order).count(State.ACCEPTED) == 1


def test_a_dispatch_is_told_with_its_tracking_number(clinic: Facility, staff: User) -> None:
    order = dispatched(clinic, staff)
    with as_center():
        send_back(order, reason="lost", by=staff, actor=SYSTEM, now=now())
        assert Hold.objects.filter(reason=str(order), released_at=None).count() == 2
        with pytest.raises(IllegalTransition):
            dispatch(order, tracking_number="1Z", by=staff, actor=SYSTEM, now=now())
