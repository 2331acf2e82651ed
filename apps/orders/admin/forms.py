"""What staff say of an order in its dialogs."""

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget


class DispatchForm(BaseDialogForm):  # type: ignore[misc]
    """How it goes to the facility."""

    tracking_number = forms.CharField(
        label=_("Tracking number"), required=False, max_length=80, widget=UnfoldAdminTextInputWidget,
        help_text=_("of what is sent by post or carrier"),
    )  # fmt: skip


class ReasonForm(BaseDialogForm):  # type: ignore[misc]
    """Why; the facility reads it."""

    reason = forms.CharField(
        label=_("Reason"), max_length=300, widget=UnfoldAdminTextInputWidget, help_text=_("The facility reads it.")
    )


class MessageForm(BaseDialogForm):  # type: ignore[misc]
    """A message to the facility."""

    text = forms.CharField(label=_("Message"), max_length=2000, widget=UnfoldAdminTextareaWidget)
