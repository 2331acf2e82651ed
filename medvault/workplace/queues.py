"""Queues: the first rows of what waits, how many there are, and what is to be done about each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Model, QuerySet
from django.urls import reverse

from apps.core.admin import page_of

FIRST = 8
MOST_COUNTED = 999
Item = TypeVar("Item", bound=Model)


@dataclass(frozen=True, slots=True)
class Act:
    """What is done about a row: a dialog that opens over the queue, or a page."""

    title: Any
    href: str
    permission: str = ""
    is_dialog: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Something that waits: since when, until when, of whom, and what about it. Times are aware, days are dates."""

    title: object
    href: str
    facility: object = ""
    about: object = ""
    since: datetime | None = None
    due: datetime | date | None = None
    is_late: bool = False
    acts: Sequence[Act] = ()

    @property
    def is_due_by_the_day(self) -> bool:
        """Whether it is due on a day and not at a time."""
        return not isinstance(self.due, datetime)


@dataclass(frozen=True, slots=True)
class Queue:
    """The first rows, by what is to be done first; `more` is the address of all; `empty` what is said of none."""

    key: str
    title: Any
    icon: str
    rows: list[Row]
    count: str
    more: str
    empty: Any
    note: Any = ""

    @property
    def is_pressing(self) -> bool:
        """Whether any of what is shown is late."""
        return any(row.is_late for row in self.rows)


@dataclass(frozen=True, slots=True)
class Named:
    """What a queue is called, where all of it is, and what is said when nothing waits."""

    key: str
    title: Any
    icon: str
    more: str
    empty: Any
    note: Any = field(default="", kw_only=True)

    def of(self, found: QuerySet[Item], row: Callable[[Item], Row]) -> Queue:
        """The queue of what a query finds, in its order."""
        rows = [row(each) for each in found[:FIRST]]
        count = len(rows) if len(rows) < FIRST else counted(found)
        return self._queue(rows, shown(count))

    def of_rows(self, rows: Iterable[Row]) -> Queue:
        """The queue of rows that are made already."""
        known: Iterator[Row] = iter(rows)
        first = list(islice(known, FIRST))
        return self._queue(first, shown(len(first) + sum(1 for _ in islice(known, MOST_COUNTED))))

    def _queue(self, rows: list[Row], count: str) -> Queue:
        return Queue(self.key, self.title, self.icon, rows, count, self.more, self.empty, self.note)


def counted(found: QuerySet[Any]) -> int:
    """How many there are, counted no further than one more than is shown."""
    return found.order_by().values("pk")[: MOST_COUNTED + 1].count()


def shown(count: int) -> str:
    """A count for people: `999+` where it was not counted further."""
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else intcomma(count)


def act(title: Any, obj: Model, name: str, permission: str) -> Act:
    """An action of the object's page, as a dialog over the queue."""
    address = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{name}", args=[obj.pk])
    return Act(title, address, permission)


def open_page(title: Any, obj: Model) -> Act:
    """The object's own page, where there is more to decide than a dialog holds."""
    return Act(title, page_of(obj), is_dialog=False)
