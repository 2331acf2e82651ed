"""Terminals that somebody should look after."""

from datetime import timedelta
from typing import Any

import pytest

from apps.collection.overdue import neglected
from tests.collection.outlooks import NOW, capacity, outlook

WELL: dict[str, Any] = {"latest": capacity()}
DAILY = {"push_every_hours": 24}


def test_a_terminal_that_is_in_time_is_not_mentioned() -> None:
    in_time = outlook(visit_in=0, last_transfer_at=NOW - timedelta(hours=20), terminal=DAILY, **WELL)
    assert neglected([in_time, outlook(**WELL)], now=NOW) == []


def test_a_visit_is_late_from_the_day_after() -> None:
    [found] = neglected([outlook(visit_in=-1, **WELL)], now=NOW)
    assert (found.visit_late_days, found.is_pressing) == (1, True)


@pytest.mark.parametrize(("hours_ago", "late"), [(24, 0), (26, 0), (26.1, 2), (24 * 4, 72)])
def test_a_transfer_is_late_after_its_time_and_some_grace(hours_ago: float, late: int) -> None:
    sent = outlook(last_transfer_at=NOW - timedelta(hours=hours_ago), terminal=DAILY, **WELL)
    assert [each.transfer_late_hours for each in neglected([sent], now=NOW)] == ([late] if late else [])


def test_a_terminal_that_has_never_sent_is_late_since_it_was_registered() -> None:
    assert neglected([outlook(terminal=DAILY, **WELL)], now=NOW) == []  # yesterday
    [found] = neglected([outlook(terminal={"push_every_hours": 6}, **WELL)], now=NOW)
    assert found.transfer_late_hours == 18


def test_a_terminal_that_has_not_reported_for_days_is_silent() -> None:
    assert neglected([outlook(latest=capacity(hours_ago=71))], now=NOW) == []
    [found] = neglected([outlook(latest=capacity(hours_ago=24 * 5))], now=NOW)
    assert (found.silent_days, found.is_pressing) == (5, False)


def test_a_new_terminal_has_time_to_report() -> None:
    assert neglected([outlook()], now=NOW) == []
    [found] = neglected([outlook()], now=NOW + timedelta(days=6))
    assert found.silent_days == 7


def test_sets_without_a_mark_are_told() -> None:
    [found] = neglected([outlook(latest=capacity(unmarked=23))], now=NOW)
    assert (found.unmarked_sets, found.is_pressing) == (23, False)


def test_the_latest_come_first() -> None:
    found = neglected(
        [
            outlook("unmarked", latest=capacity(unmarked=9)),
            outlook("silent", latest=capacity(hours_ago=24 * 40)),
            outlook("visit", visit_in=-2, **WELL),
            outlook("transfer", last_transfer_at=NOW - timedelta(days=9), terminal=DAILY, **WELL),
        ],
        now=NOW,
    )
    assert [each.outlook.terminal.name for each in found] == ["transfer", "visit", "silent", "unmarked"]
