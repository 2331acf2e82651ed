"""How far long work is, and when it will have ended."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.core.how_far import HowFar, in_words

BEGUN = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("done", "total", "percent"), [(0, 10, 0), (3, 10, 30), (999, 1000, 99), (10, 10, 99), (12, 10, 99), (5, 0, None)]
)
def test_what_is_all_there_is_not_ended_yet(done: int, total: int, percent: int | None) -> None:
    assert HowFar(done, total).percent == percent


@pytest.mark.parametrize(
    ("done", "spent", "words"),
    [
        (50, timedelta(minutes=4), "about 4 minutes left"),
        (99, timedelta(minutes=4), "less than a minute left"),
        (1, timedelta(hours=1), "about 99 hours left"),
        (10, timedelta(seconds=9), ""),  # too early to tell
        (0, timedelta(hours=1), ""),
        (100, timedelta(hours=1), ""),
    ],
)
def test_the_end_is_told_by_the_pace_so_far(done: int, spent: timedelta, words: str) -> None:
    assert in_words(HowFar(done, 100, BEGUN).left(now=BEGUN + spent)) == words


def test_without_a_beginning_there_is_no_end() -> None:
    assert HowFar(50, 100).left(now=BEGUN) is None
