"""Invoices and credit notes, their lines, and the counters of their numbers."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.billing.errors import IllegalTransition
from apps.billing.models.accounts import Issuer
from apps.contracts.models import Contract
from apps.core.money import Currency
from apps.facilities.models import TenantModel
from apps.tiers.models import Item


class State(models.TextChoices):
    """State of an invoice; `TRANSITIONS` lists what may follow what."""

    PARKED = "parked", _("Parked")
    DRAFT = "draft", _("Draft")
    FINALIZED = "finalized", _("Finalized")
    OVERDUE = "overdue", _("Overdue")
    PAID = "paid", _("Paid")
    WRITTEN_OFF = "written_off", _("Written off")


TRANSITIONS: dict[State, frozenset[State]] = {
    State.PARKED: frozenset({State.DRAFT}),
    State.DRAFT: frozenset({State.FINALIZED}),
    State.FINALIZED: frozenset({State.OVERDUE, State.PAID, State.WRITTEN_OFF}),
    State.OVERDUE: frozenset({State.PAID, State.WRITTEN_OFF}),
    State.PAID: frozenset({State.FINALIZED}),  # a payment was taken back
    State.WRITTEN_OFF: frozenset({State.PAID}),
}
OPEN = frozenset({State.FINALIZED, State.OVERDUE})


class InvoiceKind(models.TextChoices):
    """An invoice, or the document that corrects one."""

    INVOICE = "invoice", _("Invoice")
    CREDIT_NOTE = "credit_note", _("Credit note")


class Counter(models.Model):
    """The next number of an issuer, a kind and a year. Its row is held by the transaction that finalizes: no gaps."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=InvoiceKind)
    year = models.PositiveSmallIntegerField()
    next = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "kind", "year"], name="one_counter_a_year")]

    def __str__(self) -> str:
        return f"{self.kind} {self.year}"


class Invoice(TenantModel):
    """What a facility owes for a month of its calendar. Once finalized only its state changes.

    The row is made, with its charges, in the transaction that claims the month. `inputs` are the facts that were rated
    (billing.usage), from which the same charges are computed again; `seller` and `buyer` are what both were called.
    """

    kind = models.CharField(_("kind"), max_length=12, choices=InvoiceKind, default=InvoiceKind.INVOICE)
    contract = models.ForeignKey(
        Contract, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="invoices"
    )
    corrects = models.ForeignKey(
        "self", on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="credit_notes"
    )
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+", verbose_name=_("issuer"))
    period = models.DateField(_("month"), help_text=_("its first day"))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.DRAFT)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    number = models.CharField(_("number"), max_length=40, blank=True)
    net = models.DecimalField(_("net"), max_digits=14, decimal_places=2, default=0)
    tax = models.DecimalField(_("tax"), max_digits=14, decimal_places=2, default=0)
    gross = models.DecimalField(_("total"), max_digits=14, decimal_places=2, default=0)
    taxes = models.JSONField(_("taxes by rate"), default=list)
    inputs = models.JSONField(_("facts that were rated"), default=dict)
    seller = models.JSONField(_("seller"), default=dict)
    buyer = models.JSONField(_("buyer"), default=dict)
    parked_because = models.CharField(_("parked because"), max_length=200, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True, help_text=_("of a credit note"))
    drafted_at = models.DateTimeField(_("drafted"))
    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    finalized_at = models.DateTimeField(_("finalized"), null=True)
    finalized_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    issued_on = models.DateField(_("date"), null=True)
    due_on = models.DateField(_("due"), null=True)
    settled_at = models.DateTimeField(_("settled"), null=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True)
    document_sha256 = models.BinaryField(_("SHA-256 of the document"), max_length=32, null=True, editable=False)

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="invoice_of_facility"),
            models.UniqueConstraint(
                fields=["facility", "contract", "period"], condition=Q(kind="invoice"), name="one_invoice_a_month"
            ),
            models.CheckConstraint(
                condition=Q(number="", finalized_at=None) | ~Q(number="") & Q(finalized_at__isnull=False),
                name="numbered_when_finalized",
            ),
            models.UniqueConstraint(
                fields=["number", "issuer"], condition=~Q(number=""), name="invoice_number_of_issuer"
            ),
        ]
        indexes = [
            models.Index(fields=["period", "state"], name="invoice_by_period"),
            models.Index(fields=["state", "due_on"], name="invoice_by_due_date"),
        ]

    def __str__(self) -> str:
        return self.number or f"{self.get_state_display()} {self.period:%Y-%m}"

    def advance(self, state: State, *, at: datetime) -> None:
        """Move to `state`; the caller saves. Raises IllegalTransition."""
        if state not in TRANSITIONS[State(self.state)]:
            raise IllegalTransition(
                gettext("The invoice is %(state)s and cannot become %(other)s")
                % {"state": self.get_state_display(), "other": State(state).label}
            )
        self.state = state
        if state == State.FINALIZED and self.finalized_at is None:
            self.finalized_at = at
        self.settled_at = at if state in {State.PAID, State.WRITTEN_OFF} else None


class InvoiceLine(TenantModel):
    """Charges of one item at one price, as the invoice shows them. Append-only, but for the tax until it is final."""

    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="lines"
    )
    position = models.PositiveIntegerField(_("position"))
    item = models.CharField(_("item"), max_length=16, choices=Item)
    description = models.CharField(_("description"), max_length=200)
    quantity = models.DecimalField(_("quantity"), max_digits=18, decimal_places=6)
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=6)
    net = models.DecimalField(_("net"), max_digits=14, decimal_places=2)
    tax_category = models.CharField(_("tax category"), max_length=2, help_text=_("UNTDID 5305: S, AE, E, O"))
    tax_rate = models.DecimalField(_("tax rate (%)"), max_digits=5, decimal_places=2)

    class Meta:
        verbose_name = _("invoice line")
        verbose_name_plural = _("invoice lines")
        ordering = ["invoice", "position"]
        constraints = [
            models.UniqueConstraint(fields=["facility", "id"], name="invoice_line_of_facility"),
            models.UniqueConstraint(fields=["facility", "invoice", "position"], name="position_of_invoice"),
        ]

    def __str__(self) -> str:
        return self.description
