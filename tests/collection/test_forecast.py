"""When a terminal will be full."""

from datetime import UTC, date, datetime, timedelta

from apps.collection.forecast import Reading, forecast, proposed_days

START = datetime(2026, 3, 1, tzinfo=UTC)


def readings(*used: int, total: int = 100) -> list[Reading]:
    return [Reading(START + timedelta(days=day), each, total) for day, each in enumerate(used)]


def test_what_came_in_goes_on_coming_in() -> None:
    found = forecast(readings(10, 20, 30, 40))
    assert found
    assert found.bytes_a_day == 10
    assert found.full_on == date(2026, 3, 10)


def test_what_was_deleted_in_between_does_not_slow_it_down() -> None:
    found = forecast(readings(60, 70, 20, 30, 40))
    assert found
    assert found.bytes_a_day == 30 / 4


def test_nothing_is_foretold_from_too_little() -> None:
    assert forecast([]) is None
    assert forecast(readings(10)) is None
    assert forecast([Reading(START, 1, 10), Reading(START + timedelta(hours=3), 5, 10)]) is None


def test_what_does_not_grow_is_never_full() -> None:
    found = forecast(readings(40, 40, 30))
    assert found
    assert (found.bytes_a_day, found.full_on) == (0, None)
    far = forecast(readings(0, 1, total=10**9))
    assert far
    assert far.full_on is None


def test_more_visits_are_proposed_where_they_come_too_late() -> None:
    filling, on = readings(10, 20, 30), START.date()
    assert proposed_days(filling, visit_every_days=30, visited_on=on) == 7
    assert proposed_days(filling, visit_every_days=5, visited_on=on) is None
    assert proposed_days(readings(10, 10, 10), visit_every_days=30, visited_on=on) is None
    assert proposed_days(readings(0, 99), visit_every_days=30, visited_on=on) == 1


def test_a_visit_is_proposed_before_the_disk_is_full_that_was_hardly_cleared_at_the_last() -> None:
    nearly_full, visited_on = readings(20, 50, 80), START.date() + timedelta(days=2)
    slower = [*nearly_full, *(Reading(START + timedelta(days=day), 80 + day, 100) for day in range(3, 10))]
    expected = forecast(slower)
    assert expected
    assert expected.full_on == visited_on + timedelta(days=8)
    assert proposed_days(slower, visit_every_days=9, visited_on=visited_on) == 6
    assert proposed_days(slower, visit_every_days=8, visited_on=visited_on) is None


def test_a_disk_that_was_full_already_at_the_visit_is_judged_by_the_room_it_had() -> None:
    full = readings(40, 70, 100)
    assert proposed_days(full, visit_every_days=30, visited_on=START.date() + timedelta(days=5)) == 1
