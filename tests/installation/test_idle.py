"""A center in which nothing happens: what its beat costs the database, and that a success costs it nothing."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.models import FailedTask
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.wording import in_words
from medvault.celery import app
from tests.notifications.told import rows

pytestmark = pytest.mark.usefixtures("committed_db")
MOST_A_MINUTE = 130
"""Statements of an idle minute: BEGIN and COMMIT are such, too."""


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    import_module("medvault.tasks")  # as the worker does
    cache.clear()
    yield
    cache.clear()


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as asked:
        act()
    return len(asked)


def test_an_idle_minute_asks_the_database_little(sakura: Facility) -> None:
    app.loader.import_default_modules()
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    costs = {}
    for entry in schedule.values():
        if isinstance(every_s := entry["schedule"], float):
            run = partial(app.tasks[entry["task"]].apply, throw=True)
            run()  # the first time some look whether the installation is as it should be
            costs[entry["task"]] = statements(run) * 60 / every_s
    assert sum(costs.values()) <= MOST_A_MINUTE, sorted(costs.items(), key=lambda each: -each[1])


@shared_task
def works_or_not() -> None:
    if is_failing:
        raise ValueError


is_failing = False


def test_a_success_costs_the_database_nothing_and_still_resolves_what_failed_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    works_or_not.apply()
    assert statements(works_or_not.apply) == 0
    monkeypatch.setitem(globals(), "is_failing", True)
    works_or_not.apply()
    monkeypatch.setitem(globals(), "is_failing", False)
    works_or_not.apply()
    with as_center():
        assert not FailedTask.objects.filter(resolved_at=None).exists()


def test_a_failure_is_resolved_though_the_cache_has_lost_that_there_was_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "is_failing", True)
    works_or_not.apply()
    cache.clear()
    monkeypatch.setitem(globals(), "is_failing", False)
    works_or_not.apply()
    with as_center():
        assert not FailedTask.objects.filter(resolved_at=None).exists()


def test_administrators_are_told_once_a_day_of_work_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "is_failing", True)
    for _time in range(2):
        works_or_not.apply()
    [told] = rows(Kind.STAFF_TASK_FAILED)
    assert told.facts == {"task": "works_or_not"}
    assert in_words(told).happened == "Background work failed: works_or_not."
