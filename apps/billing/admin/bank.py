"""Bank transactions: statements are imported with a preview, and what names no invoice is assigned by hand."""

from functools import partial

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from apps.audit.admin import AuditedAdmin, staff_actor
from apps.billing.admin.importing import import_page
from apps.billing.bank.importing import assign, left_of, set_aside
from apps.billing.errors import PaymentRefused
from apps.billing.models import BankTransaction, Invoice, InvoiceKind, Payment
from apps.core.acting import attempt
from apps.core.admin import HappenedFilter, Table, link_to, to_page
from apps.core.clock import database_now
from apps.core.money import formatted

MAY = "billing.change_banktransaction"


class AssignForm(BaseDialogForm):  # type: ignore[misc]
    """Which invoice it pays, and with how much of it."""

    number = forms.CharField(label=_("Number of the invoice"), max_length=40, widget=UnfoldAdminTextInputWidget)
    amount = forms.DecimalField(
        label=_("Amount"), required=False, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget,
        help_text=_("Empty: all that is left of it"),
    )  # fmt: skip


class SetAsideForm(BaseDialogForm):  # type: ignore[misc]
    """Why it pays no invoice."""

    why = forms.CharField(label=_("What it is"), max_length=200, widget=UnfoldAdminTextInputWidget)


class AssignedFilter(HappenedFilter):
    title = _("assigned")
    parameter_name = "assigned"
    field = "settled_at"


@admin.register(BankTransaction)
class BankTransactionAdmin(AuditedAdmin):
    when_empty = _("Import a bank statement: what names an open invoice pays it, the rest waits here.")
    list_display = ("booked_on", "total", "payer", "purpose", "settled_at", "note")
    list_filter = (AssignedFilter, "currency")
    search_fields = ("reference__exact", "payer__exact")
    search_help_text = _("Bank's reference, or payer")
    fields = (
        "account", "reference", "booked_on", "total", "payer", "purpose", "left", "note",
        ("imported_at", "settled_at"),
    )  # fmt: skip
    actions_list = ("import_statement",)
    actions_detail = ("assign", "set_aside")

    def can_act_on(self, obj: BankTransaction) -> bool:
        return obj.settled_at is None

    def tables(self, obj: BankTransaction) -> list[Table]:
        paid = Payment.objects.filter(bank_transaction=obj).select_related("facility", "invoice").order_by("pk")
        rows = [[link_to(each, each.reference), each.facility, each.invoice, str(each)] for each in paid]
        return [Table(_("Payments"), [_("Reference"), _("Facility"), _("Invoice"), _("Amount")], rows)]

    @display(description=_("amount"), ordering="amount")  # type: ignore[untyped-decorator]
    def total(self, obj: BankTransaction) -> str:
        return formatted(obj.amount, obj.currency)

    @display(description=_("left to assign"))  # type: ignore[untyped-decorator]
    def left(self, obj: BankTransaction) -> str:
        return formatted(left_of(obj), obj.currency)

    @action(description=_("Import a statement"), icon="upload_file", permissions=[MAY])  # type: ignore[untyped-decorator]
    def import_statement(self, request: HttpRequest) -> HttpResponse:
        return import_page(self.admin_site, request)

    @action(  # type: ignore[untyped-decorator]
        description=_("Assign"),
        icon="link",
        permissions=[MAY],
        dialog={
            "title": _("Assign to an invoice"),
            "description": _("Less than the invoice leaves it open, more is seen as paid too much."),
            "form_class": AssignForm,
            "form_submit_text": _("Assign"),
        },
    )
    def assign(self, request: HttpRequest, form: AssignForm, object_id: str) -> HttpResponse:
        transaction, given = self.found(request, object_id), form.cleaned_data

        def carry_out() -> None:
            of_number = Invoice.objects.filter(number=given["number"].strip(), kind=InvoiceKind.INVOICE)
            found = list(of_number.exclude(finalized_at=None)[:2])
            if len(found) != 1:
                raise PaymentRefused(str(_("There is no invoice of that number, or more than one.")))
            amount = left_of(transaction) if given["amount"] is None else given["amount"]
            assign(transaction, found[0], amount, actor=staff_actor(request), now=database_now())

        attempt(request, carry_out, done=_("It is assigned."))
        return to_page(request, transaction)

    @action(  # type: ignore[untyped-decorator]
        description=_("Set aside"),
        icon="do_not_disturb_on",
        permissions=[MAY],
        dialog={
            "title": _("It pays no invoice?"),
            "description": _("It waits no longer to be assigned. What it is stays noted."),
            "form_class": SetAsideForm,
            "form_submit_text": _("Set aside"),
        },
    )
    def set_aside(self, request: HttpRequest, form: SetAsideForm, object_id: str) -> HttpResponse:
        act = partial(set_aside, why=form.cleaned_data["why"])
        return self.act_on(request, object_id, act, done=_("It is set aside."))
