"""Which version governs which days, and when a contract may end. Pure: dates in, dates out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Protocol, TypeVar

from apps.core.periods import parse_period


class Dated(Protocol):
    """A version: the highest number that is effective on a day governs it."""

    @property
    def number(self) -> int: ...
    @property
    def effective_from(self) -> date: ...


V = TypeVar("V", bound=Dated)


@dataclass(frozen=True, slots=True)
class Span:
    """Days of a month under one version: `first` to `last`, both included."""

    number: int
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1


def governing(versions: Iterable[V], *, on: date) -> V | None:
    """The version that governs a day: of those effective, the one agreed last."""
    effective = [version for version in versions if version.effective_from <= on]
    return max(effective, key=lambda version: version.number, default=None)


def spans(versions: Sequence[Dated], *, first: date, last: date) -> list[Span]:
    """The days from `first` to `last`, by the version that governs them; days before every version are left out."""
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    told = ((version.number if (version := governing(versions, on=day)) else None, day) for day in days)
    found = []
    for number, group in groupby(told, key=lambda each: each[0]):
        within = [day for _, day in group]
        if number is not None:
            found.append(Span(number, within[0], within[-1]))
    return found


def earliest_end(*, starts_on: date, minimum_term: str, notice_period: str, notice_on: date) -> date:
    """The first day that is not served any more, when notice is given on a day: after both term and notice."""
    return max(parse_period(minimum_term).after(starts_on), parse_period(notice_period).after(notice_on))
