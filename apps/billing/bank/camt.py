"""Statements in CAMT.053 (ISO 20022, camt.053.001.02 and later): the credits that are booked.

Read without DTD, entities and network, up to the bounds of bank.statement. Elements are found by their local names, for
the versions differ in namespace and little else that matters here.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from lxml import etree

from apps.billing.bank.statement import Credit, UnreadableStatement, check_size, clean, read_amount, referenced

_NOTHING = frozenset({"", "NOTPROVIDED", "NONREF"})


def read_camt(content: bytes) -> list[Credit]:
    """The statement's credits. Raises UnreadableStatement."""
    check_size(content)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise UnreadableStatement(_("The file is no XML")) from None
    if root.getroottree().docinfo.doctype:
        raise UnreadableStatement(_("Statements have no document type declaration"))
    statements = _all(root, "BkToCstmrStmt", "Stmt")
    if not statements:
        raise UnreadableStatement(_("The file is XML, but no statement (CAMT.053)"))
    return referenced(credit for statement in statements for credit in _credits(statement))


def _credits(statement: Any) -> Iterator[Credit]:
    account = _text(statement, "Acct", "Id", "IBAN") or _text(statement, "Acct", "Id", "Othr", "Id")
    if not account:
        raise UnreadableStatement(_("The statement names no account"))
    for entry in _all(statement, "Ntry"):
        is_booked = (_text(entry, "Sts", "Cd") or _text(entry, "Sts")) in {"BOOK", ""}
        if is_booked and _text(entry, "CdtDbtInd") == "CRDT" and _text(entry, "RvslInd") not in {"true", "1"}:
            yield from _of_entry(entry, clean(account, 40))


def _of_entry(entry: Any, account: str) -> Iterator[Credit]:
    """One for each transaction of a collective entry, where their amounts sum up to the entry's; else one in all."""
    whole = _amount(entry, "Amt")
    if whole is None:
        raise UnreadableStatement(_("An entry has no amount"))
    booked_on = _day(entry)
    reference = _given(entry, "AcctSvcrRef") or _given(entry, "NtryRef")
    details = _all(entry, "NtryDtls", "TxDtls")
    parts = [part for each in details if (part := _amount(each, "Amt") or _amount(each, "AmtDtls", "TxAmt", "Amt"))]
    if len(details) < 2 or len(parts) < len(details) or sum(part for part, _currency in parts) != whole[0]:
        payer, purpose = _says(details[0]) if len(details) == 1 else ("", _entry_says(entry, details))
        yield Credit(account, reference, booked_on, *whole, payer, purpose or _entry_says(entry, details))
        return
    for number, (each, part) in enumerate(zip(details, parts, strict=True), 1):
        own = _given(each, "Refs", "AcctSvcrRef")
        whose = own if own and own != reference else f"{reference}/{number}" if reference else ""
        yield Credit(account, whose, booked_on, *part, *_says(each))


def _says(details: Any) -> tuple[str, str]:
    payer = _text(details, "RltdPties", "Dbtr", "Nm") or _text(details, "RltdPties", "Dbtr", "Pty", "Nm")
    lines = [*_all(details, "RmtInf", "Ustrd"), *_all(details, "RmtInf", "Strd", "CdtrRefInf", "Ref")]
    purpose = [*(each.text or "" for each in lines), _given(details, "Refs", "EndToEndId")]
    return clean(payer, 140), clean(" ".join(filter(None, purpose)), 500)


def _entry_says(entry: Any, details: list[Any]) -> str:
    said = [_text(entry, "AddtlNtryInf"), *(_says(each)[1] for each in details)]
    return clean(" ".join(filter(None, said)), 500)


def _amount(found: Any, *path: str) -> tuple[Decimal, str] | None:
    """Amount and currency."""
    for element in _all(found, *path):
        currency = str(element.get("Ccy", ""))
        return read_amount((element.text or "").strip(), currency=currency), currency
    return None


def _day(entry: Any) -> date:
    text = _text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm") or _text(entry, "ValDt", "Dt")
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise UnreadableStatement(_("An entry has no day")) from None


def _given(found: Any, *path: str) -> str:
    text = clean(_text(found, *path), 70)
    return "" if text.upper() in _NOTHING else text


def _text(found: Any, *path: str) -> str:
    return str(next((element.text or "" for element in _all(found, *path)), "")).strip()


def _all(found: Any, *path: str) -> list[Any]:
    reached = [found]
    for name in path:
        reached = [child for each in reached for child in each.iterchildren("{*}" + name)]
    return reached
