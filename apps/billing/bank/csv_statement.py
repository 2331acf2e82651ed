"""Statements in CSV, as banks let people save them: which column says what is told by who imports it."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from apps.billing.bank.statement import Credit, UnreadableStatement, check_size, clean, read_amount, referenced

ENCODINGS = ("utf-8-sig", "cp932", "cp1252")
DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a file. `columns` maps date, amount, purpose and, where there are such, currency, reference and payer
    to names in the first row.
    """

    account: str
    currency: str
    columns: Mapping[str, str]
    dates: str = DATES[0]
    has_decimal_comma: bool = False


def read_csv(content: bytes, layout: Layout) -> list[Credit]:
    """The file's credits; what is not above zero is no credit. Raises UnreadableStatement."""
    check_size(content)
    text = _decoded(content)
    delimiter = max(";,\t", key=text.split("\n", 1)[0].count)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise UnreadableStatement(_("The file is no CSV")) from None
    if not rows:
        raise UnreadableStatement(_("The file has no rows"))
    for name in filter(None, layout.columns.values()):
        if name not in rows[0]:
            raise UnreadableStatement(_("The file has no column %(name)s") % {"name": name[:40]})
    return referenced(_credits(rows, layout))


def _credits(rows: list[dict[str, str]], layout: Layout) -> Iterator[Credit]:
    for number, row in enumerate(rows, 2):
        said = {key: clean(row[name] or "", 500) if name else "" for key, name in layout.columns.items()}
        if not any(said.values()):
            continue
        currency = said.get("currency", "").upper() or layout.currency
        try:
            amount, booked_on = _amount(said["amount"], currency, layout), _day(said["date"], layout)
        except UnreadableStatement as error:
            raise UnreadableStatement(
                _("Row %(number)s: %(message)s") % {"number": number, "message": error.message}
            ) from None
        if amount > 0:
            yield Credit(layout.account, said.get("reference", "")[:70], booked_on, amount, currency,
                         said.get("payer", "")[:140], said["purpose"])  # fmt: skip


def _amount(text: str, currency: str, layout: Layout) -> Decimal:
    group, point = (".", ",") if layout.has_decimal_comma else (",", ".")
    _whole, *groups = text.split(point, maxsplit=1)[0].split(group)
    if groups and not all(re.fullmatch(r"\d{3}", each.strip("¥€$£ ")) for each in groups):
        raise UnreadableStatement(_("An amount is not written as told"))
    plain = text.replace(group, "").replace(point, ".").replace(" ", "").replace("'", "").strip("¥€$£+")
    return read_amount(plain or "0", currency=currency)


def _day(text: str, layout: Layout) -> date:
    try:
        return datetime.strptime(text, layout.dates).replace(tzinfo=UTC).date()
    except ValueError:
        raise UnreadableStatement(_("The day is not written as told")) from None


def _decoded(content: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableStatement(_("The file is no text"))
