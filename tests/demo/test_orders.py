"""The orders of the demonstration: every page of orders has something to show."""

from collections.abc import Callable

from apps.accounts.models import User
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.orders.models import Node, Order, OrderKind, Printer, State
from medvault.demo.orders import seed_orders
from tests.orders.stories import may_order, now
from tests.portal.pages import dicom, store


def test_there_is_one_of_every_kind_and_where_to_send_it(sakura: Facility, person: Callable[..., User]) -> None:
    store(sakura, *(dicom(number, PatientBirthDate="19800229") for number in range(1, 7)))
    may_order(sakura)
    person("owner@sakura.example", sakura=Role.OWNER)
    person("operator@center.example", is_staff=True)
    for _again in range(2):
        seed_orders(sakura, owner="owner@sakura.example", operator="operator@center.example", now=now())
    with as_center():
        orders = list(Order.objects.order_by("pk"))
        assert {order.kind for order in orders} == set(OrderKind) - {OrderKind.DEIDENTIFIED}
        assert {order.state for order in orders} == set(State) - {State.PRODUCING, State.COMPLETED, State.CANCELLED}
        assert not [order.problem for order in orders if order.problem]
        assert (Node.objects.count(), Printer.objects.count()) == (2, 1)
