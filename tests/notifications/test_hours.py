"""When letters may come: quiet hours, daily digests, and days on which clocks change."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from apps.notifications.hours import letter_due_at
from apps.notifications.models import ReadingHours

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
NIGHT = ReadingHours(quiet_from=time(21), quiet_until=time(7))
NOON = ReadingHours(quiet_from=time(12), quiet_until=time(13))
MORNING = ReadingHours(digest_at=time(7))


@pytest.mark.parametrize(
    ("hours", "now", "due"),
    [
        (None, "2026-11-26 23:00", "2026-11-26 23:00"),
        (ReadingHours(), "2026-11-26 23:00", "2026-11-26 23:00"),
        (NIGHT, "2026-11-26 20:59", "2026-11-26 20:59"),
        (NIGHT, "2026-11-26 21:00", "2026-11-27 07:00"),
        (NIGHT, "2026-11-27 06:59", "2026-11-27 07:00"),
        (NIGHT, "2026-11-27 07:00", "2026-11-27 07:00"),
        (NOON, "2026-11-27 12:30", "2026-11-27 13:00"),
        (NOON, "2026-11-27 13:30", "2026-11-27 13:30"),
        (MORNING, "2026-11-27 06:30", "2026-11-27 07:00"),
        (MORNING, "2026-11-27 07:00", "2026-11-28 07:00"),
    ],
)
def test_letters_come_when_they_may(hours: ReadingHours | None, now: str, due: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=TOKYO)
    assert letter_due_at(at, hours, is_urgent=False) == datetime.fromisoformat(due).replace(tzinfo=TOKYO)
    assert letter_due_at(at, hours, is_urgent=True) == at


def test_the_morning_is_the_morning_where_clocks_change() -> None:
    evening = datetime(2026, 10, 24, 22, tzinfo=BERLIN)
    assert letter_due_at(evening, MORNING, is_urgent=False).isoformat() == "2026-10-25T07:00:00+01:00"
