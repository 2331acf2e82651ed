"""Card payments and what Stripe told: to be read, asked for again, given back."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from apps.audit.admin import AuditedAdmin, staff_actor
from apps.billing.admin.after_commit import after_commit
from apps.billing.cards import offered
from apps.billing.cards.charging import resolve
from apps.billing.cards.refunds import refund
from apps.billing.cards.webhooks import apply_event
from apps.billing.models import AttemptState, PaymentAttempt, WebhookEvent
from apps.core.admin import HappenedFilter, to_page
from apps.core.clock import database_now
from apps.core.money import formatted
from apps.facilities.admin import AuditedTenantAdmin


class RefundForm(BaseDialogForm):  # type: ignore[misc]
    """How much goes back."""

    amount = forms.DecimalField(label=_("Amount"), min_value=0, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget)


class AppliedFilter(HappenedFilter):
    title = _("applied")
    parameter_name = "applied"
    field = "applied_at"


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(AuditedTenantAdmin):
    when_empty = _("Charges to facilities' cards appear here.")
    list_display = ("begun_at", "facility", "invoice", "total", "state", "failure", "payment_intent")
    list_select_related = ("facility", "invoice")
    list_filter = (("facility", RelatedDropdownFilter), "state")
    search_fields = ("invoice__number__exact", "payment_intent__exact")
    search_help_text = _("Number of the invoice, or PaymentIntent")
    fields = (
        "facility", "invoice", "total", ("state", "failure"), "payment_intent", ("begun_at", "answered_at"),
        "told_at",
    )  # fmt: skip
    actions_detail = ("ask_again", "give_back")

    @display(description=_("amount"), ordering="amount")  # type: ignore[untyped-decorator]
    def total(self, obj: PaymentAttempt) -> str:
        return formatted(obj.amount, obj.invoice.currency)

    def offers(self, act: str, obj: PaymentAttempt) -> bool:
        return obj.state == (AttemptState.BEGUN if act == "ask_again" else AttemptState.SUCCEEDED)

    @action(  # type: ignore[untyped-decorator]
        description=_("Ask Stripe again"),
        icon="replay",
        permissions=["billing.change_paymentattempt"],
        dialog={
            "title": _("Ask Stripe what became of it?"),
            "description": _("Nothing is taken twice: the same question gets the same answer."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Ask"),
        },
    )
    def ask_again(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        attempt = self.found(request, object_id)
        after_commit(request, lambda: resolve(attempt, offered.gateway(), now=database_now()),
                     done=_("Stripe was asked: the state below is how it went."))  # fmt: skip
        return to_page(request, attempt)

    @action(  # type: ignore[untyped-decorator]
        description=_("Give back"),
        icon="undo",
        permissions=["billing.change_paymentattempt"],
        dialog={
            "title": _("Give back to the card"),
            "description": _("The invoice is open again by what goes back, unless a credit note covers it."),
            "form_class": RefundForm,
            "form_submit_text": _("Give back"),
        },
    )
    def give_back(self, request: HttpRequest, form: RefundForm, object_id: str) -> HttpResponse:
        attempt, amount, actor = self.found(request, object_id), form.cleaned_data["amount"], staff_actor(request)
        after_commit(
            request,
            lambda: refund(attempt, amount, gateway=offered.gateway(), actor=actor, now=database_now()),
            done=_("It is given back."),
        )
        return to_page(request, attempt)


@admin.register(WebhookEvent)
class WebhookEventAdmin(AuditedAdmin):
    when_empty = _("What Stripe tells appears here.")
    list_display = ("received_at", "kind", "object_id", "applied_at", "problem")
    list_filter = (AppliedFilter,)
    search_fields = ("stripe_id__exact", "object_id__exact")
    search_help_text = _("Event or object")
    fields = ("stripe_id", "kind", "object_id", "received_at", "applied_at", "problem")
    actions_detail = ("apply_again",)

    @action(  # type: ignore[untyped-decorator]
        description=_("Apply again"),
        icon="replay",
        permissions=["billing.change_webhookevent"],
        dialog={
            "title": _("Apply this event again?"),
            "description": _("Its object is fetched from Stripe. What is on record already is not recorded twice."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Apply"),
        },
    )
    def apply_again(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        event = self.found(request, object_id)
        self.record_act(request, "applied_again", event)
        after_commit(request, lambda: apply_event(event, offered.gateway(), now=database_now()),
                     done=_("It was tried: what is below is how it went."))  # fmt: skip
        return to_page(request, event)
