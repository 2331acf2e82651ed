"""Share link: what a download gives, for the patient or another facility, who have no account (apps.orders.sharing)."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.orders.errors import InvalidOptions
from apps.orders.kinds.download import Download
from apps.orders.options import Options, Recipient
from apps.orders.quoting import Counted, Extent, require_bearable
from apps.tiers.models import Item

OF_PEOPLE = ("to_name", "contact")


class Receiver(models.TextChoices):
    """Whom it is for."""

    PATIENT = "patient", _("The patient")
    FACILITY = "facility", _("Another facility")


class ShareOptions(Options):
    """Whom it is for, how long, how often. Name and contact are kept like an address, and erased like one."""

    days_offered = "days"

    receiver = forms.ChoiceField(label=pgettext_lazy("receiver", "For"), choices=Receiver, initial=Receiver.PATIENT)
    to_name = forms.CharField(
        label=_("Name"), max_length=120, required=False, help_text=_("For you alone: the receiver does not see it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    days = forms.IntegerField(
        label=_("Days it works"), min_value=1, max_value=90, initial=14, help_text=_("from the day it is dispatched")
    )
    downloads = forms.IntegerField(
        label=_("Downloads"), min_value=1, max_value=100, initial=5, help_text=_("Looking is not counted.")
    )
    contact = forms.EmailField(
        label=_("E-mail address for the code"), max_length=254, required=False,
        help_text=_("Empty: you tell the code by telephone. Send the link by another way than the code."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    @property
    def chosen(self) -> dict[str, Any]:
        return {name: value for name, value in super().chosen.items() if name not in OF_PEOPLE}

    @property
    def recipient(self) -> Recipient | None:
        self._require_valid()
        name, contact = (self.cleaned_data[field] for field in OF_PEOPLE)
        return Recipient(name, contact) if name or contact else None


class Share(Download):
    """The same file as a download, for the receiver alone. Of one patient: a birth date must not open another one's
    images.
    """

    is_fetched = False
    options: type[Options] = ShareOptions

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:  # noqa: ARG002 one price for all
        require_bearable(extent)
        if extent.patients != 1:
            raise InvalidOptions(gettext("A share link is of one patient: order one for each"))
        return [Counted(Item.SHARE, Decimal(1))]
