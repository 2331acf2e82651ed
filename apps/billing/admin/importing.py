"""The page that imports a bank statement: the file, then what would become of it, then the import.

Between the two, what was read travels in the form, signed: nothing is kept of a statement that is not imported.
"""

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.audit.admin import staff_actor
from apps.billing.bank.camt import read_camt
from apps.billing.bank.csv_statement import DATES, Layout, read_csv
from apps.billing.bank.importing import Proposal, import_credits, propose
from apps.billing.bank.statement import Credit, UnreadableStatement
from apps.billing.models import BankTransaction
from apps.core.admin import Table, list_of
from apps.core.clock import database_now
from apps.core.money import Currency, formatted

SALT = "billing.bank.statement"
PREVIEW_S = 3600
COLUMNS = ("date", "amount", "purpose", "currency", "reference", "payer")
_NEEDED = ("date", "amount", "purpose", "account")


def _column(label: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=80, widget=UnfoldAdminTextInputWidget)


class StatementForm(forms.Form):
    """A statement; CSV needs to be told which column is what."""

    kind = forms.ChoiceField(
        label=_("Format"), choices=[("camt", "CAMT.053 (XML)"), ("csv", "CSV")], widget=UnfoldAdminSelectWidget
    )
    file = forms.FileField(label=_("File"), widget=UnfoldAdminFileFieldWidget)
    account = forms.CharField(label=_("CSV: account"), required=False, max_length=40, widget=UnfoldAdminTextInputWidget)
    money = forms.ChoiceField(
        label=_("CSV: its currency"), required=False, choices=Currency.choices, widget=UnfoldAdminSelectWidget
    )
    date = _column(_("CSV: column of the day"))
    amount = _column(_("CSV: column of the amount"))
    purpose = _column(_("CSV: column of the purpose"))
    currency = _column(_("CSV: column of the currency, if any"))
    reference = _column(_("CSV: column of the bank's reference, if any"))
    payer = _column(_("CSV: column of the payer, if any"))
    dates = forms.ChoiceField(
        label=_("CSV: days are written"), required=False, widget=UnfoldAdminSelectWidget,
        choices=[(each, each.replace("%Y", "2026").replace("%m", "05").replace("%d", "20")) for each in DATES],
    )  # fmt: skip
    has_decimal_comma = forms.BooleanField(label=_("CSV: 1.234,56"), required=False, widget=UnfoldBooleanWidget)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name in _NEEDED if given.get("kind") == "csv" else ():
            if not given.get(name):
                self.add_error(name, _("CSV needs it."))
        return given

    def credits(self) -> list[Credit]:
        """What the file says. Raises UnreadableStatement."""
        given = self.cleaned_data
        content = given["file"].read()
        if given["kind"] == "camt":
            return read_camt(content)
        columns = {name: given[name].strip() for name in COLUMNS}
        layout = Layout(given["account"], given["money"] or Currency.JPY, columns, given["dates"] or DATES[0],
                        given["has_decimal_comma"])  # fmt: skip
        return read_csv(content, layout)


def import_page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The page."""
    if request.method == "POST" and "read" in request.POST:
        return _import(request)
    form = StatementForm(request.POST or None, request.FILES or None)
    context = site.each_context(request) | {"title": _("Import a bank statement"), "form": form}
    if request.method == "POST" and form.is_valid():
        try:
            found = form.credits()
        except UnreadableStatement as error:
            form.add_error("file", error.message)
        else:
            context |= {"table": _table(propose(found)), "read": _packed(found)}
    return TemplateResponse(request, "admin/billing/statement.html", context)


def _import(request: HttpRequest) -> HttpResponse:
    try:
        found = _unpacked(request.POST["read"])
    except signing.BadSignature:
        messages.error(request, _("The preview is too old. Please choose the file again."))
        return redirect(request.path)
    new = import_credits(found, actor=staff_actor(request), now=database_now())
    told = {"new": len(new), "settled": sum(each.settled_at is not None for each in new)}
    messages.success(request, _("%(new)d imported, of which %(settled)d pay an invoice.") % told)
    return redirect(list_of(BankTransaction))


def _packed(found: list[Credit]) -> str:
    rows = [asdict(each) | {"booked_on": f"{each.booked_on}", "amount": f"{each.amount}"} for each in found]
    return signing.dumps(rows, salt=SALT, compress=True)


def _unpacked(text: str) -> list[Credit]:
    rows = signing.loads(text, salt=SALT, max_age=PREVIEW_S)
    return [
        Credit(**row | {"booked_on": date.fromisoformat(row["booked_on"]), "amount": Decimal(row["amount"])})
        for row in rows
    ]


def _table(proposals: list[Proposal]) -> Table:
    rows = [
        [
            each.credit.booked_on,
            formatted(each.credit.amount, each.credit.currency),
            each.credit.payer,
            each.credit.purpose,
            _("known already") if each.is_known else each.invoice or each.why,
        ]
        for each in proposals
    ]
    return Table(_("What was read"), [_("Booked"), _("Amount"), _("Payer"), _("Purpose"), _("Pays")], rows)
