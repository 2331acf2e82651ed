"""Issuers and billing accounts: who bills, who is billed, with the numbers of tax offices checked."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter

from apps.audit.admin import AuditedAdmin
from apps.billing.errors import WrongNumber
from apps.billing.models import BillingAccount, Issuer
from apps.billing.taxes import checked_registration_number, checked_vat_id
from apps.facilities.admin import AuditedTenantAdmin


class _PartyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whoever an invoice names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "country" in self.fields:
            self.fields["country"].validators.append(RegexValidator(r"\A[A-Z]{2}\Z", _("Two capital letters.")))

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        country = given.get("country") or self.instance.country
        if given.get("vat_id") and country:
            given["vat_id"] = self._checked("vat_id", lambda: checked_vat_id(given["vat_id"], country=country))
        return given

    def _checked(self, name: str, check: Callable[[], str]) -> str:
        try:
            return check()
        except WrongNumber as error:
            self.add_error(name, ValidationError(error.message))
            return ""


class IssuerForm(_PartyForm):
    """The center, in a country."""

    class Meta:
        model = Issuer
        fields = (
            "name", "address", "country", "vat_id", "registration_number", "email", "bank_name", "bank_account", "bic",
            "prefix",
        )  # fmt: skip
        help_texts = {"prefix": _("Begins the numbers of its invoices.")}

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if number := given.get("registration_number"):
            checked = self._checked("registration_number", lambda: checked_registration_number(number))
            given["registration_number"] = checked
        return given


class AccountForm(_PartyForm):
    """A facility as it is billed. How it pays it says itself."""

    class Meta:
        model = BillingAccount
        fields = ("facility", "issuer", "legal_name", "address", "country", "vat_id", "email")


@admin.register(Issuer)
class IssuerAdmin(AuditedAdmin):
    form = IssuerForm
    list_display = ("name", "country", "registration_number", "vat_id", "prefix")
    list_filter = ("country",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.add_issuer")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("billing.change_issuer")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return ("country",) if obj else ()


@admin.register(BillingAccount)
class BillingAccountAdmin(AuditedTenantAdmin):
    form = AccountForm
    list_display = ("legal_name", "facility", "country", "vat_id", "issuer", "payment_method")
    list_filter = (("facility", RelatedDropdownFilter), ("issuer", RelatedDropdownFilter), "payment_method")
    list_select_related = ("facility", "issuer")
    search_fields = ("legal_name__exact", "vat_id__exact")
    search_help_text = _("Legal name or VAT number")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.add_billingaccount")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("billing.change_billingaccount")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        paying = ("payment_method", "card_brand", "card_last4") if obj else ()
        return (*AccountForm.Meta.fields, *paying)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return ("facility", "payment_method", "card_brand", "card_last4") if obj else ()
