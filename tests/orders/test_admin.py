"""Staff work on orders: claimed, produced, sent on and sent back in the workplace, by those who may."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.catalog.models import Study
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.choosing import Choice
from apps.orders.models import Message, Order, State
from apps.orders.producing import produce_due
from tests.orders.shares import linked, share_order
from tests.orders.stories import fresh, may_order, requested, state_of, way
from tests.portal.pages import dicom, store
from tests.retention.workplace import act_address, events, in_group, list_address, page_address, shown, told


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def order(sakura: Facility) -> Order:
    store(sakura, dicom(), dicom(2, PatientName="Abe^Ren"))
    may_order(sakura)
    return requested(sakura)


@pytest.fixture
def operator(signed_in: Callable[..., Client], order: Order) -> Client:
    return in_group(signed_in, "operator")


def test_an_order_is_worked_through(operator: Client, order: Order) -> None:
    assert told(operator, act_address(order, "accept")) == ["The order is yours."]
    assert told(operator, act_address(order, "accept")) == ["Nothing was done: the order is “Accepted” already."]
    told(operator, act_address(order, "start_production"))
    assert act_address(order, "stop") in shown(operator, page_address(order))
    assert told(operator, act_address(order, "stop")) == ["It is no longer produced."]
    assert act_address(order, "stop") not in shown(operator, page_address(order))
    assert told(operator, act_address(order, "stop")) == ["It is not being produced any more"]
    told(operator, act_address(order, "start_production"))
    assert produce_due() == 1
    page = shown(operator, page_address(order))
    with as_center():
        assert page_address(Study.objects.get(study_instance_uid="2.25.1")) in page
    assert "Mori" not in page
    told(operator, act_address(order, "dispatch"), tracking_number="1Z 999")
    assert (state_of(order), fresh(order).tracking_number) == (State.DISPATCHED, "1Z 999")
    assert told(operator, act_address(order, "send_back")) == []
    told(operator, act_address(order, "send_back"), reason="the patient's name is wrong")
    assert "the patient&#x27;s name is wrong" in shown(operator, page_address(order))
    told(operator, act_address(order, "start_production"))
    assert produce_due() == 1
    for act in ("dispatch", "complete"):
        told(operator, act_address(order, act))
    assert way(order)[-3:] == [State.READY, State.DISPATCHED, State.COMPLETED]


def test_messages_and_refusals_reach_the_facility(operator: Client, order: Order) -> None:
    told(operator, act_address(order, "write"), text="Which of the two?")
    with as_center():
        assert Message.objects.get().is_from_center
    assert "Which of the two?" in shown(operator, page_address(order))
    told(operator, act_address(order, "cancel"), reason="withdrawn by telephone")
    assert state_of(order) == State.CANCELLED
    assert told(operator, act_address(order, "write"), text="Good-bye") == ["The facility has your message."]


def test_the_queue_is_by_due_time_and_shows_what_is_to_be_done(
    operator: Client, order: Order, sakura: Facility
) -> None:
    later, ended = requested(sakura), requested(sakura)
    with as_center():
        Order.objects.filter(pk=ended.pk).update(state=State.CANCELLED)
    queue = operator.get(list_address(Order)).context["cl"]
    assert [each.pk for each in queue.result_list] == [order.pk, later.pk]
    everything = operator.get(list_address(Order), {"queue": "all"}).context["cl"]
    assert len(everything.result_list) == 3


def test_others_of_the_staff_read_and_do_nothing(signed_in: Callable[..., Client], order: Order) -> None:
    archivist = in_group(signed_in, "archivist")
    assert str(order) in shown(archivist, page_address(order))
    assert act_address(order, "accept") not in shown(archivist, page_address(order))
    assert archivist.post(act_address(order, "accept"), {"_form_submitted": "True"}).status_code in {302, 403}
    assert state_of(order) == State.REQUESTED


def test_staff_fetch_what_was_produced_and_its_parts(
    operator: Client, order: Order, sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    for act in ("accept", "start_production"):
        told(operator, act_address(order, act))
    address = act_address(order, "fetch")
    assert operator.get(address).status_code == 404
    assert produce_due() == 1
    whole = operator.get(address).getvalue()
    assert whole.startswith(b"PK")
    part = operator.get(address, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.getvalue()) == (206, whole[2:6])
    assert operator.get(address, {"part": "LABELS.pdf"}).status_code == 404
    assert len(events("order.fetched")) == 2
    archivist = in_group(signed_in, "archivist")
    assert archivist.get(address).status_code in {302, 403}
    assert len(events("order.fetched")) == 2


def test_staff_see_the_links_of_an_order_and_not_what_opens_them(
    operator: Client, sakura: Facility, person: Callable[..., Any]
) -> None:
    shared = share_order(sakura, person("worker@center.example", is_staff=True), Choice("2.25.1"))
    made = linked(shared)
    page = shown(operator, page_address(shared))
    assert "Downloads left" in page
    for secret in (made.token, made.code):
        assert secret not in page
