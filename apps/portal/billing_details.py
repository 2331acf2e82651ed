"""What the facility's invoices call it, and where they are mailed: its owners say."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from apps.billing.accounts import DETAILS, account_of, change_details
from apps.billing.errors import NotBillable, WrongNumber
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role


class DetailsForm(forms.Form):
    """As they shall stand on the next invoice."""

    legal_name = forms.CharField(label=gettext_lazy("Legal name"), max_length=200)
    address = forms.CharField(
        label=gettext_lazy("Address"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("As on an envelope, in up to three lines."),
    )  # fmt: skip
    vat_id = forms.CharField(
        label=gettext_lazy("VAT number"), max_length=20, required=False,
        help_text=gettext_lazy("In the EU: with it, a center in another country charges no VAT (reverse charge)."),
    )  # fmt: skip
    email = forms.EmailField(
        label=gettext_lazy("Invoices are mailed to"), required=False,
        help_text=gettext_lazy("Without an address they go to the owners."),
    )  # fmt: skip


@facility_door(role=Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def billing_details(request: FacilityRequest) -> HttpResponse:
    """The form; what it says is on the next invoice. Invoices that are finalized stay as they are."""
    account = account_of(request.facility)
    initial = {name: getattr(account, name) for name in DETAILS} if account else {"legal_name": request.facility.name}
    form = DetailsForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _is_changed(request, form):
        messages.success(request, _("The next invoice will say so."))
        return redirect("portal:invoices", facility_slug=request.facility.slug)
    status = 422 if request.method == "POST" else 200
    return render(request, "portal/billing_details.html", {"form": form, "account": account}, status=status)


def _is_changed(request: FacilityRequest, form: DetailsForm) -> bool:
    try:
        change_details(request.facility, **form.cleaned_data, actor=request.actor)
    except WrongNumber as error:
        form.add_error("vat_id", error.message)
    except NotBillable as error:
        form.add_error(None, error.message)
    return form.is_valid()
