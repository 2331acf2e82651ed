"""Charges: immutable ledger lines of what is owed and why."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.billing.models.invoices import Invoice, InvoiceLine
from apps.contracts.models import ContractVersion
from apps.core.money import Currency
from apps.core.shown import day
from apps.facilities.models import TenantModel
from apps.tiers.models import Item


class Source(models.TextChoices):
    """What a charge comes from; with the source's key, unique within the facility."""

    BASE = "base", _("Base fee of a month")
    COLLECTION = "collection", _("Collection")
    STORAGE = "storage", _("Storage of a month")
    ORDER = "order", _("Output order")
    EXTENSION = "extension", _("Extension of storage")
    MISSED_VISIT = "missed_visit", _("Promised visit that was not made")
    DISCOUNT = "discount", _("Discount of a month")
    TRUE_UP = "true_up", _("Minimum of a month")
    CREDIT = "credit", _("Credit")


class Charge(TenantModel):
    """What is owed for one source. Never changed: what was wrong is corrected by a further line.

    `quantity` times `unit_price`, rounded to what can be paid, is `amount`, but for shares of a month, which sum up to
    the month's (core.money.apportioned). `clause` says why in words; `counted` names what was counted.
    """

    version = models.ForeignKey(
        ContractVersion, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="charges"
    )
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="charges"
    )
    line = models.ForeignKey(
        InvoiceLine, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="charges"
    )
    source = models.CharField(_("source"), max_length=12, choices=Source)
    source_key = models.CharField(_("its key"), max_length=80)
    item = models.CharField(_("item"), max_length=16, choices=Item)
    supplied_on = models.DateField(_("supplied"))
    quantity = models.DecimalField(_("quantity"), max_digits=18, decimal_places=6)
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=6)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3, choices=Currency)
    clause = models.CharField(_("why"), max_length=200)
    counted = models.JSONField(_("counted"), default=dict)
    created_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("charge")
        verbose_name_plural = _("charges")
        constraints = [
            models.UniqueConstraint(fields=["facility", "source", "source_key"], name="charged_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=0) & Q(quantity__lt=10**9) & Q(amount__gt=-(10**10)) & Q(amount__lt=10**10),
                name="charge_is_possible",
            ),
        ]
        indexes = [models.Index(fields=["facility", "invoice"], name="charge_by_invoice")]

    def __str__(self) -> str:
        return f"{self.get_item_display()} {day(self.supplied_on)}"
