"""What a bank statement says came in, whatever its format."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from apps.core.errors import DomainError
from apps.core.money import Currency

MOST_BYTES = 10 * 2**20
MOST_LINES = 5_000
MOST_AMOUNT = Decimal(10**10)


class UnreadableStatement(DomainError):
    """The file is no statement that can be imported."""

    code = "unreadable_statement"


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that was booked to the center's account. `reference` is the bank's, unique within the account."""

    account: str
    reference: str
    booked_on: date
    amount: Decimal
    currency: str
    payer: str
    purpose: str


def check_size(content: bytes) -> None:
    """Raises UnreadableStatement for a file that is too large."""
    if len(content) > MOST_BYTES:
        raise UnreadableStatement(_("The file is larger than %(most)d MiB") % {"most": MOST_BYTES // 2**20})


def read_amount(text: str, *, currency: str) -> Decimal:
    """A decimal number as computers write it. Raises UnreadableStatement."""
    if currency not in Currency.values:
        raise UnreadableStatement(_("The center has no accounts in %(currency)s") % {"currency": currency[:3]})
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise UnreadableStatement(_("An amount is no number")) from None
    if not amount.is_finite() or abs(amount) >= MOST_AMOUNT or amount != round(amount, 2):
        raise UnreadableStatement(_("An amount is out of bounds"))
    return amount


def referenced(found: Iterable[Credit]) -> list[Credit]:
    """With a reference for those that the bank gave none: a digest of what they say, and which of its like it is.

    Two alike on one day stay two, and a statement that is imported again gives the same. Raises UnreadableStatement.
    """
    alike, told = Counter[str](), list[Credit]()
    for each in found:
        if len(told) == MOST_LINES:
            raise UnreadableStatement(
                _("The statement has more than %(most)s entries: import it in parts") % {"most": f"{MOST_LINES:,}"}
            )
        told.append(each if each.reference else replace(each, reference=_reference(each, alike)))
    return told


def clean(text: str, length: int) -> str:
    """Printable text of at most that length, on one line."""
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))[:length]


def _reference(credit: Credit, alike: Counter[str]) -> str:
    said = [f"{credit.booked_on}", f"{credit.amount:f}", credit.currency, credit.payer, credit.purpose]
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]
    alike[digest] += 1
    return f"{digest}/{alike[digest]}"
