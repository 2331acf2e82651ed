"""Payments and reminders, to be read; a transfer that was assigned wrongly is taken back."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.billing.bank.importing import take_back
from apps.billing.models import DunningNotice, Payment, PaymentMethod
from apps.facilities.admin import AuditedTenantAdmin


@admin.register(Payment)
class PaymentAdmin(AuditedTenantAdmin):
    when_empty = _("Payments come from bank statements and from cards.")
    list_display = ("paid_on", "facility", "invoice", "method", "total", "reference")
    list_select_related = ("facility", "invoice")
    list_filter = (("facility", RelatedDropdownFilter), "method")
    search_fields = ("invoice__number__exact", "reference__exact")
    search_help_text = _("Number of the invoice, or reference")
    fields = (
        "facility", "invoice", "method", "total", "paid_on", "reference", "bank_transaction",
        "recorded_at",
    )  # fmt: skip
    actions_detail = ("take_back",)

    @display(description=_("amount"), ordering="amount")  # type: ignore[untyped-decorator]
    def total(self, obj: Payment) -> str:
        return str(obj)

    def can_act_on(self, obj: Payment) -> bool:
        is_back = Payment.objects.filter(facility_id=obj.facility_id, reference=f"{obj.reference}/back")
        return obj.method == PaymentMethod.TRANSFER and obj.amount > 0 and not is_back.exists()

    @action(  # type: ignore[untyped-decorator]
        description=_("Take back"),
        icon="undo",
        permissions=["billing.change_payment"],
        dialog={
            "title": _("Take this assignment back?"),
            "description": _("The invoice is open again, and the transfer waits to be assigned."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Take back"),
        },
    )
    def take_back(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, take_back, done=_("The assignment is taken back."))


@admin.register(DunningNotice)
class DunningNoticeAdmin(AuditedTenantAdmin):
    when_empty = _("Reminders of overdue invoices appear here.")
    list_display = ("sent_at", "facility", "invoice", "step")
    list_select_related = ("facility", "invoice")
    search_fields = ("invoice__number__exact",)
    search_help_text = _("Number of the invoice")
    fields = ("facility", "invoice", "step", "sent_at")
