"""Share links on their way to a receiver, for the tests of what opens them."""

from datetime import date
from typing import Any

from django.test import Client

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice
from apps.orders.kinds import KINDS
from apps.orders.models import Order, OrderKind
from apps.orders.ordering import draw_up, request
from apps.orders.sharing import Made, make_link
from tests.orders.stories import fulfil, now, studies

BORN, BIRTH_DATE = "19800229", date(1980, 2, 29)


def share_order(facility: Facility, staff: User, *choices: Choice, **given: Any) -> Order:
    """A share order that is dispatched."""
    chosen = choices or [Choice(study.study_instance_uid) for study in studies(facility)]
    options = KINDS[OrderKind.SHARE].options(facility, {"receiver": "patient", "days": 14, "downloads": 2} | given)
    with as_facility(facility):
        order = draw_up(
            facility, OrderKind.SHARE, chosen, options=options, is_urgent=False, actor=SYSTEM, now=now()
        )  # fmt: skip
        request(order, actor=SYSTEM, now=now())
    fulfil(order, staff)
    return order


def linked(order: Order) -> Made:
    with as_facility(order.facility_id):
        return make_link(order, actor=SYSTEM, now=now())


def factors(made: Made, **other: str) -> dict[str, str]:
    """What the receiver types, and what the link's address holds."""
    return {"token": made.token, "birth_date": "1980-02-29", "code": made.code} | other


def enter(made: Made, client: Client | None = None, **other: str) -> tuple[Client, Any]:
    """The receiver's browser, and what it was answered."""
    browser = client or Client()
    return browser, browser.post("/s/", factors(made, **other))


def what_happened() -> list[str]:
    """With links, in its order."""
    with as_center():
        found = Event.objects.filter(object_type="share_link").order_by("pk")
        return [action.removeprefix("share_link.") for action in found.values_list("action", flat=True)]
