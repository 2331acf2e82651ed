"""Time, taken once at a door and passed inwards as a parameter."""

from datetime import date, datetime
from zoneinfo import ZoneInfo, available_timezones

from django.db import connection
from django.utils.translation import gettext

from apps.core.errors import DomainError

FIRST, LAST = date(1900, 1, 1), date(9000, 1, 1)


class ImplausibleTime(DomainError):
    """A time at the edge of the calendar, which in another time zone is none."""

    code = "implausible_time"

    def __init__(self) -> None:
        super().__init__(gettext("That is no time that can be meant."))


def require_plausible(moment: datetime) -> None:
    """Refuse a time from outside that not everybody could be shown: by some clocks it is before the year 1 or after
    9999, which are none in Python. Raises ImplausibleTime.
    """
    if not FIRST <= moment.date() <= LAST:
        raise ImplausibleTime


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
