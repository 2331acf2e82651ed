"""Days that the record can be asked about."""

from datetime import date

from django.utils.translation import gettext as _

from apps.core.clock import FIRST, LAST
from apps.core.errors import DomainError


class NoSuchPeriod(DomainError):
    """These are no days that can be asked about; `field` names the one that is to be another."""

    code = "no_such_period"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_days(first_on: date, last_on: date) -> None:
    """Refuse days beyond every calendar, or in the wrong order. Raises NoSuchPeriod."""
    if first_on < FIRST or last_on > LAST:
        raise NoSuchPeriod("first_on", _("That is no day of this record."))
    if first_on > last_on:
        raise NoSuchPeriod("last_on", _("The end is before the beginning"))
