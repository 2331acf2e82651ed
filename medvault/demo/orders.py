"""Orders of the demonstration, of every kind and in every state; the nodes that images go to, and a film printer."""

from datetime import datetime
from typing import Any, NamedTuple

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.models import Study
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice
from apps.orders.kinds import KINDS
from apps.orders.models import MediumType, Node, Order, OrderKind, Printer, State, Via
from apps.orders.ordering import draw_up, request
from apps.orders.producing import produce_due
from apps.orders.sharing import make_link
from apps.orders.talking import write
from apps.orders.working import accept, dispatch, start_production

HOSPITAL, PRACTICE = "Minato General Hospital", "Dr. Aoki, orthopaedics"


class Wish(NamedTuple):
    """An order as it is wanted, and the state that it is brought to."""

    kind: OrderKind
    choices: list[Choice]
    reaches: State
    is_urgent: bool = False
    options: dict[str, Any] | None = None


def seed_orders(facility: Facility, *, owner: str, operator: str, now: datetime) -> None:
    """Orders of the facility's latest studies, through their verbs. What is there already is left as it is."""
    clinic, center = User.objects.get(email=owner), User.objects.get(email=operator)
    with as_center():
        if Order.objects.filter(facility=facility).exists():
            return
        nodes = _nodes(facility)
        _printer()
    orders = [_ordered(facility, wish, by=clinic, now=now) for wish in _wishes(facility, nodes[HOSPITAL])]
    with as_center():
        _talk(orders[2], clinic=clinic, center=center, now=now)
        for order, reaches in orders:
            _worked(order, reaches, by=center, now=now)
    produce_due()
    actor = Actor("user", str(center.pk))
    with as_center():
        made = [order.pk for order, reaches in orders if reaches == State.DISPATCHED]
        for order in Order.objects.filter(pk__in=made, state=State.READY):
            dispatch(order, by=center, actor=actor, now=database_now())
    with as_facility(facility):
        for order in Order.objects.filter(kind=OrderKind.SHARE, state=State.DISPATCHED):
            make_link(order, by=clinic, actor=Actor("user", str(clinic.pk)), now=database_now())


def _wishes(facility: Facility, node: Node) -> list[Wish]:
    with as_facility(facility):
        studies = Study.objects.filter(facility=facility).order_by("-sort_date", "-pk")[:6]
        choices = [Choice(study.study_instance_uid) for study in studies]
    return [
        Wish(OrderKind.DOWNLOAD, choices[:2], State.DISPATCHED),
        Wish(OrderKind.SHARE, choices[:1], State.DISPATCHED),
        Wish(OrderKind.MEDIUM, choices[2:3], State.READY, options={"is_protected": True}),
        Wish(OrderKind.DOWNLOAD, choices[3:5], State.REQUESTED, is_urgent=True),
        Wish(OrderKind.FILM, choices[1:2], State.READY, options={"layout": "3x4", "every": 4}),
        Wish(OrderKind.PAPER, choices[2:3], State.ACCEPTED),
        Wish(OrderKind.TRANSFER, choices[:1], State.READY, options={"node": str(node.pk)}),
        Wish(OrderKind.RESTORE, [], State.DISPATCHED),
        Wish(OrderKind.DOWNLOAD, choices, State.QUOTED),
    ]


def _ordered(facility: Facility, wish: Wish, *, by: User, now: datetime) -> tuple[Order, State]:
    actor = Actor("user", str(by.pk))
    with as_facility(facility):
        form = KINDS[wish.kind].options
        given = {name: field.initial for name, field in form.base_fields.items()} | (wish.options or {})
        options = form(facility, given)
        order = draw_up(
            facility, wish.kind, wish.choices, options=options, is_urgent=wish.is_urgent, actor=actor, now=now, by=by
        )
        if wish.reaches != State.QUOTED:
            request(order, actor=actor, now=now, by=by)
    return order, wish.reaches


def _worked(order: Order, reaches: State, *, by: User, now: datetime) -> None:
    """As far as it goes before it is produced."""
    actor = Actor("user", str(by.pk))
    if reaches in {State.ACCEPTED, State.READY, State.DISPATCHED}:
        accept(order, by=by, actor=actor, now=now)
    if reaches in {State.READY, State.DISPATCHED}:
        start_production(order, by=by, actor=actor, now=now)


def _talk(about: tuple[Order, State], *, clinic: User, center: User, now: datetime) -> None:
    for by, text in (
        (clinic, "The surgeon would like to have it before Friday."),
        (center, "It is in the post tomorrow morning."),
    ):
        actor = Actor("user", str(by.pk))
        write(about[0], text=text, by=by, is_from_center=by == center, actor=actor, now=now)


def _nodes(facility: Facility) -> dict[str, Node]:
    """Nobody answers there: the names are invented."""
    wanted: dict[str, dict[str, Any]] = {
        HOSPITAL: {"ae_title": "MINATO", "address": "pacs.minato.example", "dicom_port": 11112, "is_tls": True},
        PRACTICE: {"via": Via.WEB, "url": "https://aoki.example/dicom-web"},
    }
    return {
        name: Node.objects.get_or_create(facility=facility, name=name, defaults=fields)[0]
        for name, fields in wanted.items()
    }


def _printer() -> None:
    """Nobody answers there."""
    fields = {
        "ae_title": "FILM1", "address": "127.0.0.1", "dicom_port": 10104,
        "film_sizes": ["14INX17IN", "10INX12IN", "A4"], "medium_types": [MediumType.BLUE_FILM, MediumType.CLEAR_FILM],
    }  # fmt: skip
    Printer.objects.get_or_create(name="Film printer, first floor", defaults=fields)
