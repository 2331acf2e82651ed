"""Time, taken once at a door and passed inwards as a parameter."""

from datetime import date, datetime
from zoneinfo import ZoneInfo, available_timezones

from django.db import connection


def database_now() -> datetime:
    """The database's clock (aware, UTC): the one clock that every process shares."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def time_zones() -> list[str]:
    """The names of the IANA database that people may choose."""
    return sorted(available_timezones() - {"localtime"})


def day_of(moment: datetime, zone: str) -> date:
    """The day it is at a moment where the clocks show `zone`, a name of the IANA database."""
    return moment.astimezone(ZoneInfo(zone)).date()
