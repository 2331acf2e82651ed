"""What can be chosen of a medium."""

from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.orders.options import SentOptions

BLOCK = 2048
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Carrier:
    """What images are put on: how many bytes it holds and the longest file it takes; None where nothing bounds it."""

    is_disc: bool
    capacity: int | None
    longest_file: int | None


CARRIERS = {
    "cd": Carrier(is_disc=True, capacity=359_844 * BLOCK, longest_file=359_844 * BLOCK),
    # ISO 9660 has 32 bits for the length of a file.
    "dvd": Carrier(is_disc=True, capacity=2_295_104 * BLOCK, longest_file=4 * GIB - 1),
    "stick": Carrier(is_disc=False, capacity=None, longest_file=None),
}


class MediumOptions(SentOptions):
    """Discs or a stick, by post or carrier."""

    field_order = ("carrier", "copies", "is_protected")

    carrier = forms.ChoiceField(
        label=_("Medium"), initial="cd",
        choices=[("cd", _("CD (700 MB)")), ("dvd", _("DVD (4.7 GB)")), ("stick", _("USB stick"))],
    )  # fmt: skip
    copies = forms.IntegerField(label=_("Copies"), min_value=1, max_value=20, initial=1)
    is_protected = forms.BooleanField(
        label=_("With a password, for the patient"), required=False, initial=False,
        help_text=_("You find the password on the page of the order. Tell it to the patient by another way."),
    )  # fmt: skip
