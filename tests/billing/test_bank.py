"""Bank statements: CAMT.053 and CSV, hostile ones too; matched by the invoice's number, or left to staff with why."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.audit.record import SYSTEM
from apps.billing.bank.camt import read_camt
from apps.billing.bank.csv_statement import Layout, read_csv
from apps.billing.bank.importing import assign, import_credits, left_of, propose, set_aside, take_back
from apps.billing.bank.matching import by_plain_number, invoices_named
from apps.billing.bank.statement import MOST_BYTES, Credit, UnreadableStatement
from apps.billing.errors import PaymentRefused
from apps.billing.models import BankTransaction, Payment, State
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.stories import NOON, fresh, invoice_of, payments

pytestmark = pytest.mark.django_db
ENTRY = """<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>2026-05-20</Dt></BookgDt>{reference}<NtryDtls>{details}</NtryDtls></Ntry>"""
DETAIL = """<TxDtls><Refs>{reference}<EndToEndId>NOTPROVIDED</EndToEndId></Refs>{amount}
<RltdPties><Dbtr><Pty><Nm>Radiologie Lindenhof</Nm></Pty></Dbtr></RltdPties>
<RmtInf><Ustrd>{purpose}</Ustrd></RmtInf></TxDtls>"""
CREDIT = Credit("DE1", "ref-1", date(2026, 5, 20), Decimal(22000), "JPY", "Sakura", "")


def camt(*entries: str, version: str = "08", head: str = "") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>{head}
    <Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt><Stmt>
    <Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>{"".join(entries)}
    </Stmt></BkToCstmrStmt></Document>""".encode()


def entry(
    amount: str = "119.40", side: str = "CRDT", status: str = "BOOK", reference: str = "R1", **detail: str
) -> str:
    told = DETAIL.format(**{"reference": "", "amount": "", "purpose": "Rechnung MV-2026-000001"} | detail)
    given = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return ENTRY.format(amount=amount, side=side, status=status, reference=given, details=told)


def test_camt_gives_booked_credits_alone() -> None:
    [found] = read_camt(camt(
        entry(), entry(side="DBIT", reference="R2"), entry(status="<Cd>PDNG</Cd>", reference="R3"),
        entry(reference="R4").replace("<Sts>", "<RvslInd>1</RvslInd><Sts>"), version="02",
    ))  # fmt: skip
    assert found == Credit("DE02120300000000202051", "R1", date(2026, 5, 20), Decimal("119.40"), "EUR",
                           "Radiologie Lindenhof", "Rechnung MV-2026-000001")  # fmt: skip


def test_a_collective_entry_is_taken_apart_where_it_sums_up() -> None:
    def parts(*amounts: str) -> str:
        return "".join(
            DETAIL.format(reference="", amount=f'<Amt Ccy="EUR">{each}</Amt>', purpose="x") for each in amounts
        )

    whole = {"side": "CRDT", "status": "BOOK", "reference": "<AcctSvcrRef>R</AcctSvcrRef>", "amount": "30"}
    taken = read_camt(camt(ENTRY.format(details=parts("10", "20"), **whole)))
    assert [(each.reference, int(each.amount)) for each in taken] == [("R/1", 10), ("R/2", 20)]
    [kept] = read_camt(camt(ENTRY.format(details=parts("10", "21"), **whole)))
    assert (kept.reference, int(kept.amount)) == ("R", 30)


def test_what_has_no_reference_gets_one_that_stays() -> None:
    twice = camt(entry(reference=""), entry(reference="NONREF"))
    first, second = read_camt(twice)
    assert first.reference != second.reference
    assert read_camt(twice) == [first, second]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no xml", b"<a/>", camt(entry())[:-30], b"<" + b"a" * MOST_BYTES + b"/>",
        camt(entry(), head="<!DOCTYPE Document>"),
        camt(entry(purpose="&x;"), head='<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        camt(entry(purpose="&b;"), head='<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'),
        camt(entry(purpose="&x;"), head='<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">'),
        camt(entry(amount="NaN")), camt(entry(amount="1e99")), camt(entry(amount="1.001")), camt(entry(amount="")),
        camt(entry()).replace(b"EUR", b"XXX"), camt(entry()).replace(b"2026-05-20", b"yesterday"),
        camt(entry()).replace(b"IBAN", b"BBAN"),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_is_no_statement_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableStatement):
        read_camt(content)


COLUMNS = {"date": "日付", "amount": "入金額", "payer": "振込人", "purpose": "摘要", "currency": "", "reference": ""}


def test_csv_is_read_as_told() -> None:
    japanese = Layout("1234567", "JPY", COLUMNS, dates="%Y/%m/%d")
    text = '日付,入金額,振込人,摘要\r\n2026/05/20,"22,000",ｻｸﾗｸﾘﾆﾂｸ,MV2026000001\r\n2026/05/21,-500,,手数料\r\n'
    for encoding in ("cp932", "utf-8", "utf-8-sig"):
        [found] = read_csv(text.encode(encoding), japanese)
        assert (int(found.amount), found.booked_on, found.purpose) == (22000, date(2026, 5, 20), "MV2026000001")
    german = Layout("DE1", "EUR", {"date": "Tag", "amount": "Betrag", "purpose": "Zweck", "reference": "Ref"},
                    dates="%d.%m.%Y", has_decimal_comma=True)  # fmt: skip
    [found] = read_csv(b"Tag;Betrag;Zweck;Ref\n20.05.2026;1.119,40;x;A-1\n", german)
    assert (found.amount, found.reference) == (Decimal("1119.40"), "A-1")


HEAD = "日付,入金額,振込人,摘要\n"


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", HEAD, f"{HEAD}x,1,,\n", f"{HEAD}2026-05-20,x,,\n", f'{HEAD}"2026',
                                  f'{HEAD}2026-05-20,"12,50",,\n', f'{HEAD}2026-05-20,"1,2500",,\n'])  # fmt: skip
def test_csv_that_is_not_as_told_is_refused(text: str) -> None:
    with pytest.raises(UnreadableStatement):
        read_csv(text.encode(), Layout("1", "JPY", COLUMNS))


@pytest.mark.parametrize(
    ("purpose", "named"),
    [
        ("Rechnung MV-2026-000012", {12}), ("mv 2026 000012 danke", {12}), ("MV2026000012", {12}),
        ("RE/MV_2026.000012/2026", {12}), ("MV-2026-000012 22000 JPY", {12}), ("2026-000012", set()),
        ("MV-2026-0000120", set()), ("XMV-2026-000012", set()), ("MV-2026-000012, MV-2026-000013", {12, 13}),
        ("MV-2026-00 0012", {12}), ("", set()), ("患者 MV-2026-000012", {12}),
    ],
)  # fmt: skip
def test_numbers_are_found_however_people_write_them(purpose: str, named: set[int]) -> None:
    assert invoices_named(purpose, by_plain_number([(12, "MV-2026-000012"), (13, "MV-2026-000013")])) == named


def taken(*found: Credit) -> list[BankTransaction]:
    with as_center():
        return import_credits(found, actor=SYSTEM, now=NOON)


def named(number: str, **facts: Any) -> Credit:
    return replace(CREDIT, purpose=f"Invoice {number}", **facts)


def test_a_transfer_pays_the_invoice_it_names_once(sakura: Facility) -> None:
    invoice = invoice_of(sakura)
    credit = named(invoice.number.lower().replace("-", " "))
    with as_center():
        [proposal] = propose([credit])
    assert (proposal.invoice, proposal.is_known) == (invoice, False)
    assert [len(taken(credit)) for _again in range(3)] == [1, 0, 0]
    assert (payments(), fresh(invoice).state) == ([("transfer", 22000)], State.PAID)
    with as_center():
        assert propose([credit])[0].is_known


def test_what_does_not_fit_is_left_to_staff_with_the_reason(sakura: Facility) -> None:
    one, other = invoice_of(sakura), invoice_of(sakura)
    found = taken(
        named(one.number, amount=Decimal(21999)), named("MV-1999-000001", reference="r2"),
        named(f"{one.number} {other.number}", reference="r3"), named(one.number, currency="EUR", reference="r4"),
    )  # fmt: skip
    assert [each.note for each in found] == [
        f"{one.number} is open by ¥22,000.", "It names no open invoice.", "It names several invoices.",
        f"{one.number} is in another currency.",
    ]  # fmt: skip
    assert all(each.settled_at is None for each in found)
    assert payments() == []


def test_two_transfers_for_one_invoice_pay_it_once(sakura: Facility) -> None:
    invoice = invoice_of(sakura)
    first, second = taken(named(invoice.number), named(invoice.number, reference="r2"))
    assert first.settled_at
    assert (second.settled_at, second.note) == (None, f"{invoice.number} is open by ¥0.")
    assert payments() == [("transfer", 22000)]


def test_staff_assigns_in_parts_takes_back_and_sets_aside(sakura: Facility) -> None:
    one, other = invoice_of(sakura), invoice_of(sakura)
    transfer, foreign = taken(replace(CREDIT, amount=Decimal(44000)), replace(CREDIT, reference="r2"))
    with as_center():
        first = assign(transfer, one, Decimal(22000), actor=SYSTEM, now=NOON)
        with pytest.raises(PaymentRefused):
            assign(transfer, other, Decimal(22001), actor=SYSTEM, now=NOON)
        assign(transfer, other, Decimal(22000), actor=SYSTEM, now=NOON)
        assert left_of(transfer) == 0
        take_back(first, actor=SYSTEM, now=NOON)
        assert take_back(first, actor=SYSTEM, now=NOON) == Payment.objects.get(amount__lt=0)
        assert left_of(transfer) == 22000
        assign(transfer, one, Decimal(22000), actor=SYSTEM, now=NOON)
        with pytest.raises(PaymentRefused):
            set_aside(transfer, why="rent", actor=SYSTEM, now=NOON)
        set_aside(foreign, why="rent", actor=SYSTEM, now=NOON)
    assert {fresh(each).state for each in (one, other)} == {State.PAID}
    with as_center():
        assert not BankTransaction.objects.filter(settled_at=None).exists()
