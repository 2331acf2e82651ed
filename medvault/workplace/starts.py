"""Start pages: one for each kind of work. A person sees those whose work is theirs; administrators may look at all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from medvault.workplace import administration, money, output, reception, records, visits
from medvault.workplace.queues import Queue


@dataclass(frozen=True, slots=True)
class Start:
    """The start page of those who may do its work: `permission`."""

    key: str
    title: Any
    icon: str
    permission: str
    queues: Callable[[datetime], list[Queue]]


LOOKS_AT_ALL = "audit.change_failedtask"
STARTS = (
    Start("administration", _("Administration"), "settings", LOOKS_AT_ALL, administration.queues),
    Start("visits", _("Visits"), "route", "collection.change_terminal", visits.queues),
    Start("reception", _("Reception"), "inventory_2", "catalog.change_conflict", reception.queues),
    Start("output", _("Output"), "outbox", "orders.change_order", output.queues),
    Start("records", _("Records"), "event_upcoming", "retention.change_disposition", records.queues),
    Start("billing", _("Billing"), "receipt_long", "billing.change_invoice", money.queues),
)


def starts_of(user: User | AnonymousUser) -> list[Start]:
    """The start pages that a person may look at, in the order in which they are offered."""
    return [each for each in STARTS if user.has_perm(each.permission) or user.has_perm(LOOKS_AT_ALL)]
