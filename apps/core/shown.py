"""Days and moments as their reader's language writes them, moments in the reader's time zone."""

from datetime import date, datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def day(value: date) -> str:
    """A date, or the day of a moment where its reader is."""
    return date_format(localtime(value) if isinstance(value, datetime) else value, "SHORT_DATE_FORMAT")


def moment(value: datetime) -> str:
    """A moment to the minute."""
    return date_format(localtime(value), "SHORT_DATETIME_FORMAT")


def exact_moment(value: datetime) -> str:
    """A moment to the second, and its time zone: for what is a record."""
    return f"{day(value)} {localtime(value):%H:%M:%S %Z}"
