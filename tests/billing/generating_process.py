"""Runs of billing in processes of their own, killed at each statement and each commit: python -m … matrix MONTH,
several at once: python -m … together COUNT MONTH, or one that says so when it begins with its first contract, and goes
on when it is told to: python -m … waits MONTH.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from itertools import count
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from django.db import connection  # noqa: E402

from apps.billing import run  # noqa: E402
from apps.billing.months import next_month  # noqa: E402


def as_of(month: date) -> datetime:
    """Two days after a month."""
    day = next_month(month)
    return datetime(day.year, day.month, 3, tzinfo=UTC)


class Killed:
    """Counts what is sent to the database, and dies at a chosen one."""

    def __init__(self, number: int) -> None:
        self.left = number

    def step(self) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, execute: Callable[..., Any], *given: Any) -> Any:
        self.step()
        return execute(*given)

    def commit(self, commit: Callable[[], None]) -> Callable[[], None]:
        """Dies before it, or after it."""

        def committed() -> None:
            self.step()
            commit()
            self.step()

        return committed


def forked(act: Callable[[], object]) -> int:
    """Do it in a child of this process; its key."""
    child = os.fork()
    if child:
        return child
    try:
        act()
    except Exception:  # noqa: BLE001 a child must not go on in its parent's place
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def ended(child: int) -> int:
    return os.waitpid(child, 0)[1]


def killed(month: date, number: int) -> None:
    dying = Killed(number)
    with connection.execute_wrapper(dying):
        connection._commit = dying.commit(connection._commit)  # type: ignore[attr-defined]
        run.run_billing(month, as_of=as_of(month))


def matrix(month: date) -> int:
    """A run of one month after the other, killed one step later each time, then all again; how many were killed."""
    months = []
    for number in count(1):
        months.append(month)
        status = ended(forked(partial(killed, month, number)))
        month = next_month(month)
        if not os.WIFSIGNALED(status):
            assert status == 0
            break
    assert ended(forked(lambda: [run.run_billing(each, as_of=as_of(each)) for each in months])) == 0
    return len(months) - 1


def together(processes: int, month: date) -> int:
    """Several at once, each working on one contract at a time."""
    run.AT_A_TIME = 1
    children = [forked(lambda: run.run_billing(month, as_of=as_of(month))) for _ in range(processes)]
    return sum(ended(child) for child in children)


def waits(month: date) -> int:
    """How many invoices it has made."""
    run.AT_A_TIME = 1
    draft = vars(run)["_draft"]

    def told_first(*given: Any) -> None:
        vars(run)["_draft"] = draft
        print("begun", flush=True)
        sys.stdin.readline()
        draft(*given)

    vars(run)["_draft"] = told_first
    done = run.run_billing(month, as_of=as_of(month))
    assert done.is_halted
    return done.drafted


if __name__ == "__main__":
    kind, *given, first = sys.argv[1:]
    start = date.fromisoformat(first)
    print({"matrix": matrix, "waits": waits}[kind](start) if not given else together(int(given[0]), start))
