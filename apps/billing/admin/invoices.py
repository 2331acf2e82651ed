"""Invoices with their lines and charges, the ledger, and storage by the day: read, released, finalized, credited."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter, RangeNumericFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.accounts.staff import staff_member
from apps.billing.admin import pages
from apps.billing.admin.documents import InvoicePapers
from apps.billing.drafting import release
from apps.billing.invoicing import finalize
from apps.billing.models import Charge, Invoice, InvoiceKind, InvoiceLine, State, StorageDay
from apps.core.admin import ROWS_OF_A_TABLE, Table, facts_of, link_to, list_of
from apps.core.money import formatted, formatted_price, plain
from apps.facilities.admin import AuditedTenantAdmin

MAY = "billing.change_invoice"


@admin.register(Invoice)
class InvoiceAdmin(InvoicePapers, AuditedTenantAdmin):
    when_empty = _("Invoices are drafted once a month is over.")
    list_display = ("name", "facility", "month", "kind", "state", "total", "issued_on", "due_on", "parked_because")
    list_select_related = ("facility", "contract")
    list_filter = (
        ("facility", RelatedDropdownFilter), "state", "kind", "currency", ("period", RangeDateFilter),
        ("issued_on", RangeDateFilter), ("gross", RangeNumericFilter),
    )  # fmt: skip
    linked_by = ("contract", "period")
    search_fields = ("number__exact", "facility__name__exact", "facility__slug__exact")
    search_help_text = _("Number, or the facility's name")
    fields = (
        "facility", "contract", "kind", "corrects", "month", "state", "number", "issuer", ("untaxed", "taxed", "total"),
        "issued_on", "due_on", "parked_because", "reason", ("drafted_at", "drafted_by"),
        ("finalized_at", "finalized_by"), "settled_at", "mailed_at",
    )  # fmt: skip
    actions_detail = (*InvoicePapers.PAPERS, "release", "finalize", "credit")

    def get_urls(self) -> list[URLPattern]:
        return [*pages.urls(self.admin_site), *super().get_urls()]

    def offers(self, act: str, obj: Invoice) -> bool:
        if act in self.PAPERS:
            return self.offers_paper(act, obj)
        wanted = {"release": obj.state == State.PARKED, "finalize": obj.state == State.DRAFT}
        return wanted.get(act, obj.kind == InvoiceKind.INVOICE and obj.finalized_at is not None)

    def tables(self, obj: Invoice) -> list[Table]:
        return [_lines(obj), _charges(obj), _notes(obj)]

    @display(description=_("invoice"), ordering="number")  # type: ignore[untyped-decorator]
    def name(self, obj: Invoice) -> str:
        return f"{obj}"

    @display(description=_("month"), ordering="period")  # type: ignore[untyped-decorator]
    def month(self, obj: Invoice) -> str:
        return date_format(obj.period, "YEAR_MONTH_FORMAT")

    @display(description=_("net"))  # type: ignore[untyped-decorator]
    def untaxed(self, obj: Invoice) -> str:
        return formatted(obj.net, obj.currency)

    @display(description=_("tax"))  # type: ignore[untyped-decorator]
    def taxed(self, obj: Invoice) -> str:
        return formatted(obj.tax, obj.currency)

    @display(description=_("total"), ordering="gross")  # type: ignore[untyped-decorator]
    def total(self, obj: Invoice) -> str:
        return formatted(obj.gross, obj.currency)

    @action(  # type: ignore[untyped-decorator]
        description=_("Release"),
        icon="lock_open",
        permissions=[MAY],
        dialog={
            "title": _("Draft this invoice nevertheless?"),
            "description": _("It is drafted from the facts that it was parked with. Another person finalizes it."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Release"),
        },
    )
    def release(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        act = partial(release, by=staff_member(request))
        return self.act_on(request, object_id, act, done=_("The invoice is a draft."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Finalize"),
        icon="task_alt",
        permissions=[MAY],
        dialog={
            "title": _("Finalize this invoice?"),
            "description": _("It gets its number, and never changes again."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Finalize"),
        },
    )
    def finalize(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        act = partial(finalize, by=staff_member(request))
        return self.act_on(request, object_id, act, done=_("The invoice is final."))

    @action(description=_("Credit"), icon="undo", permissions=[MAY])  # type: ignore[untyped-decorator]
    def credit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:billing_credit", object_id)


@admin.register(Charge)
class ChargeAdmin(AuditedTenantAdmin):
    list_display = ("supplied_on", "facility", "item", "units", "price", "total", "source", "invoice", "clause")
    list_select_related = ("facility", "invoice")
    list_filter = (("facility", RelatedDropdownFilter), "source", "item", ("supplied_on", RangeDateFilter))
    linked_by = ("invoice",)
    search_fields = ("source_key__exact",)
    search_help_text = _("Key of what was charged, such as a collection's identifier")
    fields = (
        "facility", "invoice", "line", "version", "source", "source_key", "item", "supplied_on", "units",
        "price", "total", "clause", "facts", "created_at",
    )  # fmt: skip

    @display(description=_("quantity"), ordering="quantity")  # type: ignore[untyped-decorator]
    def units(self, obj: Charge) -> str:
        return plain(obj.quantity)

    @display(description=_("unit price"), ordering="unit_price")  # type: ignore[untyped-decorator]
    def price(self, obj: Charge) -> str:
        return formatted_price(obj.unit_price, obj.currency)

    @display(description=_("counted"))  # type: ignore[untyped-decorator]
    def facts(self, obj: Charge) -> SafeString:
        return facts_of(obj.counted)

    @display(description=_("amount"), ordering="amount")  # type: ignore[untyped-decorator]
    def total(self, obj: Charge) -> str:
        return formatted(obj.amount, obj.currency)


@admin.register(StorageDay)
class StorageDayAdmin(AuditedTenantAdmin):
    when_empty = _("What is stored is counted every night.")
    list_display = ("day", "facility", "volume", "studies")
    list_filter = (("facility", RelatedDropdownFilter), ("day", RangeDateFilter))
    fields = ("facility", "day", "ends_at", "volume", "stored_bytes", "studies")

    @display(description=_("stored"), ordering="stored_bytes")  # type: ignore[untyped-decorator]
    def volume(self, obj: StorageDay) -> str:
        return filesizeformat(obj.stored_bytes)


def _lines(obj: Invoice) -> Table:
    found = InvoiceLine.objects.filter(facility_id=obj.facility_id, invoice=obj).order_by("position")
    rows = [
        [each.position, each.description, plain(each.quantity),
         formatted_price(each.unit_price, obj.currency), formatted(each.net, obj.currency),
         f"{plain(each.tax_rate)} % ({each.tax_category})"]
        for each in found[:ROWS_OF_A_TABLE]
    ]  # fmt: skip
    headers = [_("No."), _("Description"), _("Quantity"), _("Unit price"), _("Net"), _("Tax")]
    return Table(_("Lines"), headers, rows)


def _charges(obj: Invoice) -> Table:
    found: QuerySet[Charge] = Charge.objects.filter(facility_id=obj.facility_id, invoice=obj).order_by("pk")
    rows: list[list[Any]] = [
        [link_to(each, each.get_item_display()), each.get_source_display(), each.supplied_on,
         plain(each.quantity), formatted(each.amount, obj.currency), each.clause]
        for each in found[:ROWS_OF_A_TABLE]
    ]  # fmt: skip
    headers = [_("Item"), _("Source"), _("Supplied"), _("Quantity"), _("Amount"), _("Why")]
    return Table(_("Charges"), headers, rows, list_of(Charge, invoice__id__exact=obj.pk))


def _notes(obj: Invoice) -> Table:
    found = Invoice.objects.filter(facility_id=obj.facility_id, corrects=obj).order_by("pk")
    rows = [[link_to(each), each.issued_on, formatted(each.gross, each.currency), each.reason] for each in found]
    return Table(_("Credit notes"), [_("Number"), _("Date"), _("Total"), _("Reason")], rows)
