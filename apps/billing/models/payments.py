"""Payments: by card through Stripe, by transfer from bank statements; what was asked and what came."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.billing.models.accounts import PaymentMethod
from apps.billing.models.invoices import Invoice
from apps.core.money import Currency, formatted
from apps.core.shown import day
from apps.facilities.models import TenantModel


class AttemptState(models.TextChoices):
    """What is known of an attempt to take a card payment."""

    BEGUN = "begun", _("Begun")
    SUCCEEDED = "succeeded", _("Succeeded")
    DECLINED = "declined", _("Declined")
    NEEDS_ACTION = "needs_action", _("The card's holder must confirm")


HOLDING = frozenset({AttemptState.BEGUN, AttemptState.SUCCEEDED})
"""An invoice has one attempt of these at most."""


class PaymentAttempt(TenantModel):
    """One PaymentIntent. The row is there before Stripe is asked and says all that Stripe is asked; its id is the
    idempotency key. Asked again, nothing is taken twice.
    """

    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="attempts"
    )
    state = models.CharField(_("state"), max_length=14, choices=AttemptState, default=AttemptState.BEGUN)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    customer = models.CharField(max_length=80, default="", editable=False)
    payment_method = models.CharField(max_length=80, default="", editable=False)
    begun_at = models.DateTimeField(_("begun"))
    answered_at = models.DateTimeField(_("answered"), null=True)
    payment_intent = models.CharField(_("PaymentIntent"), max_length=80, blank=True)
    failure = models.CharField(_("why not"), max_length=100, blank=True)
    told_at = models.DateTimeField(_("facility told"), null=True)

    class Meta:
        verbose_name = _("payment attempt")
        verbose_name_plural = _("payment attempts")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="attempt_of_facility"),
            models.UniqueConstraint(
                fields=["facility", "invoice"],
                condition=Q(state__in=["begun", "succeeded"]),
                name="one_attempt_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["payment_intent"], name="attempt_by_intent"),
            models.Index(fields=["id"], condition=Q(state="begun"), name="attempt_unanswered"),
            models.Index(
                fields=["id"], condition=Q(state__in=["declined", "needs_action"], told_at=None), name="attempt_untold"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class WebhookEvent(models.Model):
    """What Stripe told: stored first, acknowledged, then the object is fetched again and applied."""

    stripe_id = models.CharField(_("event"), max_length=80, unique=True)
    kind = models.CharField(_("type"), max_length=80)
    object_id = models.CharField(_("object"), max_length=80)
    received_at = models.DateTimeField(_("received"))
    applied_at = models.DateTimeField(_("applied"), null=True)
    problem = models.CharField(_("problem"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        indexes = [models.Index(fields=["id"], condition=Q(applied_at=None), name="webhook_to_apply")]

    def __str__(self) -> str:
        return self.stripe_id


class BankTransaction(models.Model):
    """A credit on the center's account, from a statement. Matched to an invoice or left to staff."""

    account = models.CharField(_("account"), max_length=40)
    reference = models.CharField(_("bank's reference"), max_length=80)
    booked_on = models.DateField(_("booked"))
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    payer = models.CharField(_("payer"), max_length=140, blank=True)
    purpose = models.CharField(_("purpose"), max_length=500, blank=True)
    imported_at = models.DateTimeField(_("imported"))
    settled_at = models.DateTimeField(_("assigned"), null=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("bank transaction")
        verbose_name_plural = _("bank transactions")
        constraints = [models.UniqueConstraint(fields=["account", "reference"], name="booked_once")]

    def __str__(self) -> str:
        return f"{day(self.booked_on)} {formatted(self.amount, self.currency)}"


class Payment(TenantModel):
    """Money that came for an invoice, or went back (negative). Append-only."""

    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="payments"
    )
    method = models.CharField(_("method"), max_length=10, choices=PaymentMethod)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    paid_on = models.DateField(_("paid"))
    reference = models.CharField(_("reference"), max_length=120, help_text=_("PaymentIntent, refund, or the bank's"))
    recorded_at = models.DateTimeField(_("recorded"))
    bank_transaction = models.ForeignKey(BankTransaction, on_delete=models.PROTECT, null=True, related_name="payments")

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [models.UniqueConstraint(fields=["facility", "method", "reference"], name="paid_once")]
        indexes = [models.Index(fields=["facility", "invoice"], name="payment_by_invoice")]

    def __str__(self) -> str:
        return formatted(self.amount, self.currency)


class DunningNotice(TenantModel):
    """A reminder that was due by contract. Append-only."""

    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="reminders"
    )
    step = models.PositiveSmallIntegerField(_("step"))
    sent_at = models.DateTimeField(_("sent"))

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        constraints = [models.UniqueConstraint(fields=["facility", "invoice", "step"], name="reminded_once")]

    def __str__(self) -> str:
        return f"{self.step}"
