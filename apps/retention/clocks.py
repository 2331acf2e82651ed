"""Clocks: deleting goes by the database's, and only while this machine's agrees with it."""

from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.clock import database_now
from apps.retention.errors import ClocksDiffer

MOST_APART = timedelta(minutes=5)


def agreed_now() -> datetime:
    """The database's time. Raises ClocksDiffer where this machine's is more than five minutes away from it."""
    now = database_now()
    apart = abs(now - timezone.now())
    if apart > MOST_APART:
        raise ClocksDiffer(
            _(
                "The clocks of this machine and of the database differ by %(seconds)d seconds; nothing is "
                "deleted until they agree"
            )
            % {"seconds": int(apart.total_seconds())}
        )
    return now


def today(now: datetime) -> date:
    """The day before which all days are over everywhere on Earth: that of UTC-12."""
    return (now.astimezone(UTC) - timedelta(hours=12)).date()


def database_today() -> date:
    """The same by the database's clock, as its triggers see it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT retention_today()")
        (day,) = cursor.fetchone()
    assert isinstance(day, date)
    return day
