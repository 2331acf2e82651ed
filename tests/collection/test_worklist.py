"""Which terminal is to be collected from on which day."""

from datetime import date, timedelta

from apps.collection.schedule import Outlook
from apps.collection.worklist import Stop, by_day, worklist
from tests.collection.outlooks import NOW, TODAY, days, outlook, wish


def stops(*outlooks: Outlook, until: int = 14) -> list[Stop]:
    return worklist(outlooks, now=NOW, today=TODAY, last=days(until))


def the_days(found: list[Stop]) -> list[date]:
    return [stop.day for stop in found]


def test_visits_follow_each_other_at_the_frequency_agreed() -> None:
    found = stops(outlook(visit_in=2, terminal={"visit_every_days": 5}))
    assert the_days(found) == [days(2), days(7), days(12)]
    assert not any(stop.is_overdue or stop.fills_up for stop in found)


def test_a_visit_on_the_last_day_belongs_to_it_and_one_after_does_not() -> None:
    terminal = outlook(visit_in=7, terminal={"visit_every_days": 30})
    assert len(stops(terminal, until=7)) == 1
    assert stops(terminal, until=6) == []


def test_a_visit_that_was_not_made_is_for_today() -> None:
    [late, following] = stops(outlook(visit_in=-3, terminal={"visit_every_days": 10}))
    assert (late.day, late.due_on, late.is_overdue) == (TODAY, days(-3), True)
    assert (following.day, following.is_overdue) == (days(10), False)


def test_nothing_is_to_be_done_where_nothing_is_agreed_or_asked_for() -> None:
    assert stops(outlook(), outlook(full_in=3)) == []


def test_a_request_brings_the_visit_forward_and_the_next_follows_from_it() -> None:
    asked = outlook(visit_in=9, terminal={"visit_every_days": 10}, requests=[wish(24 * 3), wish(24 * 5)])
    [first, second] = stops(asked)
    assert (first.day, len(first.requests)) == (days(3), 2)
    assert (second.day, second.requests) == (days(13), ())


def test_a_request_without_a_day_is_for_today_and_not_overdue() -> None:
    [stop] = stops(outlook(requests=[wish()]))
    assert (stop.day, stop.is_overdue) == (TODAY, False)


def test_a_request_is_overdue_from_its_hour_on() -> None:
    [soon] = stops(outlook(requests=[wish(0.5)]))
    [late] = stops(outlook(requests=[wish(-0.5)]))
    assert (soon.day, soon.is_overdue) == (TODAY, False)
    assert (late.day, late.is_overdue) == (TODAY, True)


def test_the_day_a_request_is_due_is_the_facilitys() -> None:
    [stop] = stops(outlook(time_zone="Asia/Tokyo", requests=[wish(16)]))  # 01:00 UTC is 10:00 there
    assert stop.day == days(1)
    [stop] = stops(outlook(time_zone="America/Los_Angeles", requests=[wish(16)]))
    assert stop.day == TODAY


def test_a_disk_that_fills_up_brings_the_visit_forward() -> None:
    [stop, *_rest] = stops(outlook(visit_in=20, full_in=6, terminal={"visit_every_days": 30}))
    assert (stop.day, stop.fills_up, stop.is_overdue) == (days(6), True, False)


def test_a_disk_that_was_said_to_be_full_by_now_is_for_today() -> None:
    [stop] = stops(outlook(visit_in=20, full_in=-2, terminal={"visit_every_days": 30}))
    assert (stop.day, stop.fills_up) == (TODAY, True)


def test_requests_come_first_by_the_time_they_are_due() -> None:
    found = stops(
        outlook("E", visit_in=0, terminal={"visit_every_days": 99}),
        outlook("D", visit_in=9, full_in=0, terminal={"visit_every_days": 99}),
        outlook("C", visit_in=-1, terminal={"visit_every_days": 99}),
        outlook("B", requests=[wish()]),
        outlook("A", requests=[wish(5)]),
        outlook("Z", requests=[wish(-30)]),
        outlook("Y", visit_in=1, terminal={"visit_every_days": 99}),
    )
    assert [stop.outlook.terminal.name for stop in found] == ["Z", "A", "B", "C", "D", "E", "Y"]
    assert [(day, len(group)) for day, group in by_day(found)] == [(TODAY, 6), (days(1), 1)]


def test_who_sends_online_needs_nobody_to_come() -> None:
    online = {"push_every_hours": 24}
    [sent] = stops(outlook(requests=[wish()], terminal=online))
    [both] = stops(outlook(visit_in=0, terminal=online | {"visit_every_days": 90}))
    assert (sent.is_online, both.is_online) == (True, False)


def test_a_day_on_which_the_facility_is_ahead_of_the_center_is_kept() -> None:
    ahead = outlook(visit_in=0, terminal={"visit_every_days": 5})
    found = worklist([ahead], now=NOW, today=TODAY + timedelta(days=1), last=days(3))
    assert the_days(found) == [days(1)]
