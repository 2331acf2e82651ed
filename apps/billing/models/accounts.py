"""Who bills and who is billed."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.facilities.models import TenantModel


class Issuer(models.Model):
    """The center as its invoices name it. One number range each; invoices keep what it was when they were finalized."""

    name = models.CharField(_("name"), max_length=200)
    address = models.TextField(pgettext_lazy("postal", "address"), max_length=500)
    country = models.CharField(_("country"), max_length=2, help_text=_("ISO 3166-1 alpha-2"))
    vat_id = models.CharField(_("VAT number"), max_length=20, blank=True)
    registration_number = models.CharField(
        _("registration number"), max_length=14, blank=True, help_text=_("Japan's qualified invoices: T and 13 digits")
    )
    email = models.EmailField(_("e-mail address"), blank=True)
    bank_name = models.CharField(_("bank"), max_length=100, blank=True)
    bank_account = models.CharField(
        _("account"), max_length=40, blank=True, help_text=_("IBAN, or as the bank writes it")
    )
    bic = models.CharField(_("BIC"), max_length=11, blank=True)
    prefix = models.CharField(_("prefix of invoice numbers"), max_length=10, default="MV")

    class Meta:
        verbose_name = _("issuer")
        verbose_name_plural = _("issuers")

    def __str__(self) -> str:
        return self.name

    @property
    def is_registered(self) -> bool:
        """Whether it is registered for the tax of its country, and so adds it."""
        return bool(self.registration_number if self.country == "JP" else self.vat_id)

    def snapshot(self) -> dict[str, str]:
        """For `Invoice.seller`."""
        names = ("name", "address", "country", "vat_id", "registration_number", "email", "bank_name", "bank_account",
                 "bic")  # fmt: skip
        return {name: getattr(self, name) for name in names}


class PaymentMethod(models.TextChoices):
    """How a facility pays."""

    TRANSFER = "transfer", _("Bank transfer")
    CARD = "card", _("Card")


class BillingAccount(TenantModel):
    """The facility as its invoices name it, and how it pays. Cards are known to Stripe alone."""

    legal_name = models.CharField(_("legal name"), max_length=200)
    address = models.TextField(pgettext_lazy("postal", "address"), max_length=500, blank=True)
    country = models.CharField(_("country"), max_length=2, help_text=_("ISO 3166-1 alpha-2"))
    vat_id = models.CharField(_("VAT number"), max_length=20, blank=True)
    email = models.EmailField(_("invoices are mailed to"), blank=True)
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+", verbose_name=_("issuer"))
    payment_method = models.CharField(
        _("pays by"), max_length=10, choices=PaymentMethod, default=PaymentMethod.TRANSFER
    )
    stripe_customer = models.CharField(max_length=80, blank=True, editable=False)
    stripe_payment_method = models.CharField(max_length=80, blank=True, editable=False)
    card_brand = models.CharField(_("card"), max_length=20, blank=True, editable=False)
    card_last4 = models.CharField(_("ends in"), max_length=4, blank=True, editable=False)

    class Meta:
        verbose_name = _("billing account")
        verbose_name_plural = _("billing accounts")
        constraints = [models.UniqueConstraint(fields=["facility"], name="one_billing_account")]

    def __str__(self) -> str:
        return self.legal_name

    def snapshot(self) -> dict[str, str]:
        """For `Invoice.buyer`; a document that is made again speaks the language of the first."""
        names = ("address", "country", "vat_id", "payment_method", "card_brand", "card_last4")
        told = {"name": self.legal_name, "language": self.facility.language}
        return told | {name: getattr(self, name) for name in names}
