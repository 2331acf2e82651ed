"""What is chosen of film and paper: how pictures are laid out, and which."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.catalog.models import Instance
from apps.catalog.windows import WINDOWS
from apps.orders.options import SentOptions
from apps.orders.sheets.format import LANDSCAPE, LAYOUTS, PORTRAIT, SIZE_NAMES
from apps.orders.sheets.planning import ALL_FRAMES, FIRST_FRAME, MIDDLE_FRAME
from apps.orders.sheets.windows import GIVEN, OWN

FARTHEST = 1e6


class SheetOptions(SentOptions):
    """Of both; each has its own sizes."""

    layout = forms.ChoiceField(
        label=_("Pictures on a sheet"), initial="2x2", help_text=_("rows x columns"),
        choices=[(each, each.replace("x", " x ")) for each in LAYOUTS],
    )  # fmt: skip
    orientation = forms.ChoiceField(
        label=_("Orientation"), choices=[(PORTRAIT, _("Portrait")), (LANDSCAPE, _("Landscape"))], initial=PORTRAIT
    )
    frames = forms.ChoiceField(
        label=_("Of images with several frames"), initial=MIDDLE_FRAME,
        choices=[(ALL_FRAMES, _("every frame")), (FIRST_FRAME, _("the first")), (MIDDLE_FRAME, _("the middle one"))],
    )  # fmt: skip
    every = forms.IntegerField(
        label=_("Every n-th picture"), min_value=1, max_value=1000, initial=1, help_text=_("1: all of them")
    )
    window = forms.ChoiceField(
        label=_("Window"), initial=OWN, help_text=_("of grey pictures; those with a name are for CT alone"),
        choices=[
            (OWN, _("as stored")), *((name, label) for name, (label, _levels) in WINDOWS.items()),
            (GIVEN, _("center and width below")),
        ],
    )  # fmt: skip
    window_center = forms.FloatField(
        label=_("Center of the window"), min_value=-FARTHEST, max_value=FARTHEST, required=False
    )
    window_width = forms.FloatField(
        label=_("Width of the window"), min_value=0.001, max_value=FARTHEST, required=False,
        help_text=_("in the image's own units, of CT Hounsfield units"),
    )  # fmt: skip
    is_true_size = forms.BooleanField(
        label=_("True size, where the images tell it"), required=False, initial=False,
        help_text=_("It is written below a picture why it is not."),
    )  # fmt: skip
    copies = forms.IntegerField(label=_("Copies"), min_value=1, max_value=9, initial=1)
    field_order = (
        "size", "orientation", "layout", "frames", "every", "window", "window_center", "window_width", "copies",
        "is_true_size",
    )  # fmt: skip

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if given.get("window") == GIVEN and None in (given.get("window_center"), given.get("window_width")):
            raise ValidationError(_("A window has a center and a width."))

    @property
    def chosen(self) -> dict[str, Any]:
        wanted = super().chosen
        return wanted if wanted["window"] == GIVEN else wanted | {"window_center": None, "window_width": None}

    def notes(self, instances: QuerySet[Instance]) -> list[str]:
        """Reports and the like are no pictures."""
        left_out = instances.filter(has_pixel_data=False).count()
        told = ngettext(
            "%(count)d object of what is chosen is no picture and is not printed.",
            "%(count)d objects of what is chosen are no pictures and are not printed.",
            left_out,
        )
        return [told % {"count": left_out}] if left_out else []


def _sizes(*size_ids: str) -> list[tuple[str, Any]]:
    return [(each, SIZE_NAMES[each]) for each in size_ids]


class FilmOptions(SheetOptions):
    """Of film."""

    size = forms.ChoiceField(
        label=_("Film"), initial="14INX17IN",
        choices=_sizes("14INX17IN", "14INX14IN", "11INX14IN", "10INX12IN", "8INX10IN", "A3", "A4"),
    )  # fmt: skip


class PaperOptions(SheetOptions):
    """Of paper."""

    size = forms.ChoiceField(label=_("Paper"), choices=_sizes("A4", "A3"), initial="A4")
