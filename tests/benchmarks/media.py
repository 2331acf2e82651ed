"""Writing a DVD of a gigabyte of CT slices, each with a picture; keeping it, reading it back and comparing it."""

import resource
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks import database
from tests.benchmarks.images import Slices

SLICES, AT_ONCE, PER_STUDY = 2000, 100, 500
console = Console(width=110)


def main() -> None:
    with database.started():
        size = _store()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        spent = _produce()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = Table("", "seconds", "of a core", "rate", title=f"A DVD of {SLICES:,} slices, {size / 1e6:,.0f} MB")
    for name, (seconds, busy) in spent.items():
        table.add_row(name, f"{seconds:.1f}", f"{busy:.1f}", f"{size / 1e6 / seconds:,.0f} MB/s")
    console.print(table, f"Memory: +{(after - before) / 1000:,.0f} MB")


def _store() -> int:
    """Slices of a facility that may order; their bytes."""
    from apps.facilities.models import Facility
    from apps.facilities.tenancy import as_center
    from tests.orders.stories import may_order
    from tests.portal.pages import store

    with as_center():
        facility = Facility.objects.create(slug="bench", name="Bench", country="JP", time_zone="Asia/Tokyo")
    may_order(facility)
    slices = Slices(512, PER_STUDY)
    for _ in range(SLICES // AT_ONCE):
        store(facility, *slices.take(AT_ONCE))
    return SLICES * slices.nbytes


def _produce() -> dict[str, tuple[float, float]]:
    """Seconds, and of them those of a core, of writing, checking and all."""
    from apps.accounts.models import User
    from apps.facilities.models import Facility
    from apps.facilities.tenancy import as_center
    from apps.orders.kinds.medium import Medium
    from apps.orders.models import OrderKind
    from apps.orders.producing import produce_due
    from tests.orders.media import ordered

    spent: dict[str, tuple[float, float]] = {}
    with as_center():
        staff = User.objects.create_user(email="staff@center.example", password=None, is_staff=True)
        facility = Facility.objects.get(slug="bench")
    ordered(facility, staff, OrderKind.MEDIUM, carrier="dvd", copies="1")
    for name, title in (("produce", "written"), ("check", "read back and compared")):
        setattr(Medium, name, _timed(getattr(Medium, name), title, spent))
    if _timed(produce_due, "all, with keeping it", spent)() != 1:
        raise RuntimeError("The order was not produced")
    return spent


def _timed(act: Callable[..., Any], title: str, spent: dict[str, tuple[float, float]]) -> Callable[..., Any]:
    @wraps(act)
    def timed(*arguments: Any) -> Any:
        started, busy = time.perf_counter(), time.process_time()
        done = act(*arguments)
        spent[title] = time.perf_counter() - started, time.process_time() - busy
        return done

    return timed
