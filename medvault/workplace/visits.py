"""What operators do: today's visits, terminals that are late, and what facilities ask for."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from apps.collection.models import CollectionRequest, Terminal
from apps.collection.overdue import Neglect, neglected
from apps.collection.schedule import outlooks
from apps.collection.worklist import Stop, worklist
from apps.core.admin import list_of, page_of
from medvault.workplace.queues import Act, Named, Queue, Row
from medvault.workplace.waiting import open_requests

KEPT_S = 60
"""Outlooks read the history of every terminal: once a minute is enough for all who look."""
DAYS_FROM_H = 72
"""From so many hours on, days are told."""


def queues(now: datetime) -> list[Queue]:
    """The operators' queues."""
    of_terminals = cache.get_or_set(f"workplace-visits-{get_language()}", lambda: _of_terminals(now), KEPT_S)
    return [*(of_terminals or []), _requests(now)]


def _of_terminals(now: datetime) -> list[Queue]:
    terminals = Terminal.objects.filter(retired_at=None).select_related("facility").order_by("pk")
    known, today = outlooks(list(terminals), as_of=now), timezone.localdate(now)
    return [_today(worklist(known, now=now, today=today, last=today)), _late(neglected(known, now=now))]


def _today(stops: list[Stop]) -> Queue:
    named = Named("visits", gettext_lazy("Today's visits"), "route", reverse("admin:collection_worklist"),
                  gettext_lazy("No terminal is to be collected from today."))  # fmt: skip
    return named.of_rows(_stop(stop) for stop in stops)


def _stop(stop: Stop) -> Row:
    terminal, schedule = stop.outlook.terminal, stop.outlook.schedule
    about = [_("asked for")] if stop.requests else []
    about += [_("full before the next visit")] if stop.fills_up else []
    if stop.outlook.latest and (sets := stop.outlook.latest.waiting_sets):
        about.append(ngettext("%(count)d set waiting", "%(count)d sets waiting", sets) % {"count": sets})
    if schedule.agreed_instances:
        about.append(_("up to %(count)d images") % {"count": schedule.agreed_instances})
    return Row(
        title=str(terminal), href=page_of(terminal), facility=str(terminal.facility), about=", ".join(about),
        due=stop.due_on, is_late=stop.is_overdue, acts=[_open(terminal)],
    )  # fmt: skip


def _late(found: list[Neglect]) -> Queue:
    named = Named("late-terminals", gettext_lazy("Late terminals"), "running_with_errors",
                  reverse("admin:collection_overdue"),
                  gettext_lazy("Every terminal has reported and sent as agreed."))  # fmt: skip
    return named.of_rows(_neglect(each) for each in found)


def _neglect(found: Neglect) -> Row:
    terminal = found.outlook.terminal
    return Row(
        title=str(terminal), href=page_of(terminal), facility=str(terminal.facility), about=", ".join(_wrong(found)),
        since=found.outlook.last_collected_at, is_late=found.is_pressing, acts=[_open(terminal)],
    )  # fmt: skip


def _wrong(found: Neglect) -> Iterator[str]:
    hours = found.transfer_late_hours
    told: tuple[tuple[int, str], ...] = (
        (found.visit_late_days, _("visit %(count)d days late")),
        (hours if hours < DAYS_FROM_H else 0, _("transfer %(count)d hours late")),
        (hours // 24 if hours >= DAYS_FROM_H else 0, _("transfer %(count)d days late")),
        (found.silent_days, _("silent for %(count)d days")),
        (found.unmarked_sets, _("%(count)d sets without a mark")),
    )
    return (text % {"count": count} for count, text in told if count)


def _requests(now: datetime) -> Queue:
    def row(wish: CollectionRequest) -> Row:
        return Row(
            title=wish.get_reason_display(), href=page_of(wish), facility=wish.facility, about=wish.terminal,
            since=wish.requested_at, due=wish.due_at, is_late=wish.due_at is not None and wish.due_at < now,
            acts=[_open(wish.terminal)],
        )  # fmt: skip

    named = Named("requests", gettext_lazy("Requests"), "notification_important", list_of(CollectionRequest),
                  gettext_lazy("No facility asks for a collection."))  # fmt: skip
    return named.of(open_requests().select_related("facility", "terminal"), row)


def _open(obj: Any) -> Act:
    return Act(_("Open the terminal"), page_of(obj), is_dialog=False)
