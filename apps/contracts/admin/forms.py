"""Forms about what is agreed on with a facility."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget

from apps.contracts.agreeing import TERMS
from apps.contracts.models import ContractVersion

LONGEST_NOTICE = 730
CHOICE = ("price_list", "effective_from")


def check_notice(form: forms.BaseForm, content: Mapping[str, Any]) -> None:
    """Add what is wrong with the days of notice before a deletion, and with its reminders."""
    notice, reminders = content.get("notice_days"), content.get("reminder_days")
    if notice is not None and not 1 <= notice <= LONGEST_NOTICE:
        form.add_error("notice_days", _("Between 1 and %d days.") % LONGEST_NOTICE)
    elif notice and any(days >= notice for days in reminders or []):
        form.add_error("reminder_days", _("A reminder comes after the notice and before its end."))


class TermsForm(forms.ModelForm):  # type: ignore[type-arg]
    """A tier at a price list, and the terms; the list says which tier. `seen`: the preview that was looked at."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = ContractVersion
        fields = (*CHOICE, *TERMS)
        labels = {"price_list": _("Tier and price list")}
        widgets = {"reminder_days": UnfoldAdminTextInputWidget, "dunning_days": UnfoldAdminTextInputWidget}
        help_texts = {
            "minimum_term": _("ISO 8601, e.g. P1Y"),
            "notice_period": _("ISO 8601, e.g. P3M"),
            "reminder_days": _("Numbers, separated by commas"),
            "dunning_days": _("Numbers, separated by commas"),
        }

    def clean(self) -> dict[str, Any]:
        content: dict[str, Any] = super().clean() or self.cleaned_data
        check_notice(self, content)
        return content

    def agreed(self) -> dict[str, Any]:
        """What the domain's functions take."""
        content = self.cleaned_data
        chosen = {"price_list": content["price_list"], "tier_version": content["price_list"].tier_version}
        return chosen | {name: content[name] for name in TERMS}


class DraftForm(TermsForm):
    """A contract that is drawn up."""

    class Meta(TermsForm.Meta):
        fields = ("facility", *CHOICE, *TERMS)  # type: ignore[assignment]
        labels = TermsForm.Meta.labels | {"effective_from": _("Starts")}


class NoticeForm(BaseDialogForm):  # type: ignore[misc]
    """When notice was given."""

    on = forms.DateField(label=_("Notice was given on"), widget=UnfoldAdminSingleDateWidget)
