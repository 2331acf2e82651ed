"""Passwords of media for patients: made by the center, read by the facility alone, forgotten when the order ends.

A password lies sealed in the database and nowhere else: not in the order's options, the output, the trail or a log.
Every reading is on record.
"""

import secrets
from datetime import datetime

from django.utils.translation import gettext

from apps.audit.record import Actor, record
from apps.core.sealing import seal_text, unseal_text
from apps.orders.errors import NoPassword
from apps.orders.models import ENDED, Order, OrderPassword, State

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
GROUPS, OF_GROUP = 4, 5
"""100 random bits: the container's key derivation slows nobody down (WinZip AE-2: 1,000 rounds)."""


def password_of(order: Order) -> str:
    """The order's password, made now if it has none; a redo has the same one. Raises NoPassword once it is erased."""
    found, _ = OrderPassword.objects.get_or_create(
        facility_id=order.facility_id, order=order, defaults={"sealed": seal_text(_made())}
    )
    return _opened(found)


def read_password(order: Order, *, actor: Actor) -> str:
    """For a person of the facility, from dispatch until the order ends; on record. Raises NoPassword."""
    found = OrderPassword.objects.filter(facility_id=order.facility_id, order=order).first()
    if found is None or order.state != State.DISPATCHED:
        raise NoPassword(gettext("The order has a password from its dispatch until it ends"))
    opened = _opened(found)
    record("order.password_read", actor=actor, object_type="order", object_id=order.pk, facility_id=order.facility_id)
    return opened


def forget_passwords(*, now: datetime) -> None:
    """Erase those of orders that have ended."""
    kept = OrderPassword.objects.filter(erased_at=None, order__state__in=ENDED)
    kept.update(sealed=None, erased_at=now)


def _opened(password: OrderPassword) -> str:
    if password.sealed is None:
        raise NoPassword(gettext("The order has ended: its password is forgotten"))
    return unseal_text(bytes(password.sealed))


def _made() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(OF_GROUP)) for _ in range(GROUPS))
