"""Which sheets of film or paper the page shows where they are chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from apps.facilities.models import Facility
from apps.orders.choosing import Choice, instances_of
from apps.orders.kinds import KINDS
from apps.orders.kinds.sheets import Sheets
from apps.orders.models import OrderKind
from apps.orders.options import Options
from apps.orders.sheets.planning import planned
from apps.portal.numbers import whole_number

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ShownSheets:
    """Numbers of some of the sheets, and of the first ones of the pages before and after; `query` says which sheets."""

    numbers: Sequence[int]
    count: int
    before: int | None
    after: int | None
    query: str


def shown_sheets(
    facility: Facility, kind: OrderKind, choices: Sequence[Choice], options: Options, *, first: str
) -> ShownSheets | None:
    """What is to be seen of the sheets that an order would be, from the `first` on; None where it is of no sheets."""
    if not isinstance(KINDS[kind], Sheets):
        return None
    count = sum(1 for _sheet in planned(facility.pk, instances_of(facility.pk, choices), options.chosen))
    start = min(max(1, whole_number(first) or 1), count)
    return ShownSheets(
        numbers=range(start, min(start + AT_ONCE, count + 1)),
        count=count,
        before=max(1, start - AT_ONCE) if start > 1 else None,
        after=start + AT_ONCE if start + AT_ONCE <= count else None,
        query=urlencode({"kind": kind} | {name: value for name, value in options.chosen.items() if value is not None}),
    )
