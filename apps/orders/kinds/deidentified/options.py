"""What can be chosen of a de-identified copy, and what is to be known before."""

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.catalog.models import Instance
from apps.orders.kinds.deidentified.doubts import MODALITIES, SOP_CLASSES, doubtful_of
from apps.orders.options import Options

LOOKED_AT = 500
"""Headers that are read before an order."""


class DeidentifiedOptions(Options):
    """Options of PS3.15, annex E, and what becomes of images that may have text in the picture."""

    keeps_intervals = forms.BooleanField(
        label=gettext_lazy("Keep the time between dates"), required=False, initial=False,
        help_text=gettext_lazy("Dates of a patient are all moved by the same number of days. Else they are removed."),
    )  # fmt: skip
    keeps_characteristics = forms.BooleanField(
        label=gettext_lazy("Keep sex, age, size and weight"), required=False, initial=False
    )
    keeps_descriptions = forms.BooleanField(
        label=gettext_lazy("Keep descriptions, cleaned"), required=False, initial=False,
        help_text=gettext_lazy("Of descriptions, words of the DICOM vocabulary remain."),
    )  # fmt: skip
    doubtful = forms.ChoiceField(
        label=gettext_lazy("Images that may have text in the picture"), initial="left_out",
        choices=[
            ("left_out", gettext_lazy("Leave them out")),
            ("included", gettext_lazy("Include them: they have been looked at")),
        ],
    )  # fmt: skip

    def notes(self, instances: QuerySet[Instance]) -> list[str]:
        notes = []
        pictures, others = instances.filter(has_pixel_data=True), instances.filter(has_pixel_data=False).count()
        if others:
            notes.append(
                ngettext(
                    "%(count)d document or other object without a picture is left out.",
                    "%(count)d documents and other objects without a picture are left out.",
                    others,
                ) % {"count": others}
            )  # fmt: skip
        risky = Q(sop_class_uid__in=SOP_CLASSES) | Q(series__modality__in=MODALITIES)
        first = [*pictures.filter(risky)[:LOOKED_AT]]
        looked_at = [*first, *pictures.exclude(risky)[: LOOKED_AT - len(first)]]
        if doubtful := doubtful_of(looked_at):
            notes.append(
                ngettext(
                    "%(count)d image may have a name or another text burned into the picture (ultrasound, screen"
                    " captures, film scans, or it says so itself). Text in pictures is not removed.",
                    "%(count)d images may have a name or another text burned into the picture (ultrasound, screen"
                    " captures, film scans, or they say so themselves). Text in pictures is not removed.",
                    doubtful,
                ) % {"count": doubtful}
            )  # fmt: skip
        if len(looked_at) == LOOKED_AT:
            notes.append(
                _("The first %(count)d images were looked at; the README tells about all.") % {"count": LOOKED_AT}
            )
        return notes
