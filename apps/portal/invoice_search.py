"""What invoices are searched by: their date, amount and number."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.billing.models import Invoice

LOOKUPS = {"number": "number__icontains", "since": "issued_on__gte", "until": "issued_on__lte",
           "least": "gross__gte", "most": "gross__lte"}  # fmt: skip


class InvoiceSearchForm(forms.Form):
    """Everything may be left open."""

    number = forms.CharField(label=_("Number"), required=False, max_length=40)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    least = forms.DecimalField(label=_("Amount at least"), required=False, max_digits=12, decimal_places=2)
    most = forms.DecimalField(label=_("Amount at most"), required=False, max_digits=12, decimal_places=2)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for first, last in (("since", "until"), ("least", "most")):
            low, high = given.get(first), given.get(last)
            if low is not None and high is not None and low > high:
                self.add_error(last, _("The end is before the beginning."))
        return given

    def given(self) -> dict[str, Any]:
        """What is searched by."""
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}

    def narrowed(self, invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
        """Those that were asked for; only after is_valid()."""
        return invoices.filter(**{LOOKUPS[name]: value for name, value in self.given().items()})

    def query(self) -> str:
        """What is searched by, for addresses of further pages."""
        return urlencode(self.given())
