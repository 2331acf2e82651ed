"""How facts are shown in the portal."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.billing.models import Invoice, InvoiceKind
from apps.billing.models import State as InvoiceState
from apps.billing.simulating import urgency_of
from apps.catalog.naming import person
from apps.collection.models import Outcome, State
from apps.core import money as amounts
from apps.core import shown
from apps.core.how_far import HowFar, in_words
from apps.core.periods import parse_period
from apps.evidence.models import ReportState
from apps.orders.models import State as OrderState
from apps.tiers.models import UNITS, Way

register = template.Library()
_TONES = {
    State.OPEN: "azure",
    State.RECEIVED: "azure",
    State.STORED: "success",
    State.PARTIAL: "warning",
    State.FAILED: "danger",
}
_REPORT_TONES = {ReportState.READY: "success", ReportState.FAILED: "danger"}
_INVOICE_TONES = {InvoiceState.FINALIZED: "azure", InvoiceState.OVERDUE: "danger", InvoiceState.PAID: "success"}
_OUTCOME_TONES = {Outcome.STORED: "success", Outcome.CONFLICT: "warning", Outcome.QUARANTINED: "warning"}

_ORDER_TONES = {
    OrderState.QUOTED: "neutral",
    OrderState.DISPATCHED: "success",
    OrderState.COMPLETED: "success",
    OrderState.CANCELLED: "neutral",
}


@register.filter
def order_tone(state: str) -> str:
    """Colour name of an order's state: those that the center works on are blue."""
    return _ORDER_TONES.get(OrderState(state), "azure")


@register.filter
def state_tone(state: str) -> str:
    """Colour name of a collection's state."""
    return _TONES[State(state)]


@register.filter
def report_tone(state: str) -> str:
    """Colour name of an evidence report's state."""
    return _REPORT_TONES.get(ReportState(state), "azure")


@register.filter
def outcome_tone(outcome: str) -> str:
    """Colour name of what became of a file."""
    return _OUTCOME_TONES.get(Outcome(outcome), "neutral")


register.filter(person)


@register.filter
def exact_moment(at: datetime | None) -> str:
    """A moment to the second, with its zone."""
    return shown.exact_moment(at) if at else ""


@register.filter
def time_left(how_far: HowFar) -> str:
    """How long the work will go on, in words."""
    return in_words(how_far.left(now=timezone.now()))


@register.filter
def lookup(mapping: dict[Any, Any], key: Any) -> Any:
    """The value of a key, or nothing."""
    return mapping.get(key)


@register.filter
def digest(value: bytes) -> str:
    """Bytes as hexadecimal digits."""
    return bytes(value).hex()


@register.filter
def sex(code: str) -> str:
    """PatientSex (PS3.3, C.7.1.1) in words."""
    return {"M": _("male"), "F": _("female"), "O": _("other")}.get(code, code)


@register.filter
def money(owed: Decimal, currency: str) -> str:
    """An amount that can be paid, with its currency."""
    return amounts.formatted(owed, currency)


@register.filter
def price(unit_price: Decimal, currency: str) -> str:
    """A price of a unit: it may have more places than what can be paid."""
    return amounts.formatted_price(unit_price, currency)


@register.filter
def amount(text: str) -> Decimal:
    """A number that was kept as a text."""
    return Decimal(text)


@register.filter
def quantity(number: Decimal) -> str:
    """As many places as it has."""
    return f"{number.normalize():,f}"


@register.filter
def unit(item: str) -> str:
    """What a price item is counted in."""
    return str(UNITS[item])


@register.filter
def invoice_state(invoice: Invoice) -> str:
    """The state as whoever pays sees it."""
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        return _("Credited")
    return pgettext("invoice", "Open") if invoice.state == InvoiceState.FINALIZED else str(invoice.get_state_display())


@register.filter
def invoice_tone(invoice: Invoice) -> str:
    """Colour name of an invoice's state."""
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        return "neutral"
    return _INVOICE_TONES.get(InvoiceState(invoice.state), "neutral")


@register.filter
def period(text: str) -> str:
    """An ISO 8601 period in words."""
    told = parse_period(text)
    parts = [
        ngettext("%(count)d year", "%(count)d years", told.years) % {"count": told.years} if told.years else "",
        ngettext("%(count)d month", "%(count)d months", told.months) % {"count": told.months} if told.months else "",
        ngettext("%(count)d day", "%(count)d days", told.days) % {"count": told.days} if told.days else "",
    ]
    return " ".join(filter(None, parts)) or _("none")


@register.filter
def hours(count: int) -> str:
    """Hours, as days where they are full ones."""
    if count % 24 or not count:
        return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
    return ngettext("%(count)d day", "%(count)d days", count // 24) % {"count": count // 24}


@register.filter
def ways(codes: Iterable[str]) -> str:
    """How image sets travel."""
    return ", ".join(str(Way(code).label) for code in codes)


@register.filter
def urgency(days: int) -> int:
    """The simulator's urgency for a collection every so many days."""
    return urgency_of(days)
