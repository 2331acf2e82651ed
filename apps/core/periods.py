"""Calendar periods (ISO 8601-1, 5.5.2): years, months and days added to a date, never ending early."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

FOREVER = date.max
_PATTERN = re.compile(r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?")


@dataclass(frozen=True, slots=True)
class Period:
    """So many years, months and days."""

    years: int = 0
    months: int = 0
    days: int = 0

    def __str__(self) -> str:
        parts = ((self.years, "Y"), (self.months, "M"), (self.days, "D"))
        return "P" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0D")

    def after(self, start: date) -> date:
        """The day that has the same number that much later; a day that month lacks becomes the next one.

        29 February plus a year is therefore 1 March: what must be kept is kept a day longer, never a day less. A date
        beyond the calendar is FOREVER.
        """
        years, month = divmod(start.month - 1 + self.months, 12)
        year = start.year + self.years + years
        if year > FOREVER.year:
            return FOREVER
        try:
            moved = date(year, month + 1, start.day)
        except ValueError:  # never in December: that has all days
            moved = date(year, month + 2, 1)
        return moved + timedelta(self.days) if (FOREVER - moved).days > self.days else FOREVER


@cache
def parse_period(text: str) -> Period:
    """The period of texts such as P10Y or P2Y6M. Raises ValueError."""
    found = _PATTERN.fullmatch(text)
    if not found:
        raise ValueError(_("A period is written like P10Y, P60M or P2Y6M"))
    return Period(*(int(number or 0) for number in found.groups()))


def period_in_words(text: str) -> str:
    """An ISO 8601 period for people."""
    if text == "forever":
        return _("for ever")
    if not text:
        return _("a period")
    period = parse_period(text)
    parts = [
        (period.years, ngettext("%d year", "%d years", period.years)),
        (period.months, ngettext("%d month", "%d months", period.months)),
        (period.days, ngettext("%d day", "%d days", period.days)),
    ]
    return " ".join(words % number for number, words in parts if number)


def is_period(text: str) -> None:
    """A validator that refuses what is no ISO 8601 period."""
    try:
        parse_period(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def birthday(birth_date: date, age: int) -> date:
    """The day somebody becomes that old; born on 29 February: 1 March in other years."""
    return Period(years=age).after(birth_date)


def age_on(birth_date: date, day: date) -> int:
    """Full years of age."""
    years = day.year - birth_date.year
    return years if birthday(birth_date, years) <= day else years - 1
