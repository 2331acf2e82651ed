"""What the simulator is fed: a clinic's own months, and how soon its terminal is full."""

from collections.abc import Iterable
from datetime import date

from apps.billing.estimating import months_until
from apps.billing.gathering import gather_months
from apps.billing.usage import Usage
from apps.collection.schedule import Outlook
from apps.contracts.models import Contract
from apps.facilities.models import Facility


def history(facility: Facility, *, until: date, months: int) -> list[Usage]:
    """Full months before that of `until`, whether a contract served them or not; those before the first one in which
    anything was collected or stored are left out.
    """
    first_days = months_until(until, months=months)
    served = Contract(pk=0, facility=facility, starts_on=first_days[0])
    told = gather_months(served, first_days)
    begun = next((n for n, usage in enumerate(told) if usage.collections or usage.stored), len(told))
    return told[begun:]


def room_days(outlooks: Iterable[Outlook]) -> float | None:
    """How long the terminal that fills up soonest takes in images, from when it was emptiest; None if none fills up."""
    lasting = [
        max(reading.total_bytes - reading.used_bytes for reading in outlook.readings) / outlook.forecast.bytes_a_day
        for outlook in outlooks
        if outlook.forecast and outlook.forecast.bytes_a_day
    ]
    return min(lasting, default=None)
