"""Restore: everything of a facility, a period or a list comes back: to a terminal, which fetches file by file what the
manifest names, or to a node, as a transfer.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import Instance, Study
from apps.core.money import EXACT
from apps.facilities.models import Facility
from apps.orders.choosing import Choice
from apps.orders.kinds.transfer import Transfer
from apps.orders.manifest import Entry
from apps.orders.models import Order
from apps.orders.nodes import nodes_of
from apps.orders.options import Options
from apps.orders.quoting import Counted, Extent
from apps.orders.returned_files import files_of
from apps.tiers.models import Item

GB = 10**9
ALL, PERIOD, CHOSEN = "all", "period", "chosen"
TERMINAL = "terminal"


class RestoreOptions(Options):
    """What comes back, and where to."""

    needs_choices = False
    begins_with_choices: ClassVar[Mapping[str, str]] = {"what": CHOSEN}

    what = forms.ChoiceField(
        label=_("What"), initial=ALL,
        choices=[(ALL, _("Everything")), (PERIOD, _("A period")), (CHOSEN, _("What is chosen"))],
    )  # fmt: skip
    first_on = forms.DateField(
        label=_("Study dates from"), required=False, help_text=_("of a period"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )  # fmt: skip
    last_on = forms.DateField(
        label=_("Study dates to"), required=False, help_text=_("both days are included"),
        widget=forms.DateInput(attrs={"type": "date"}),
    )  # fmt: skip
    to = forms.ChoiceField(
        label=_("Where to"), initial=TERMINAL,
        help_text=_("A terminal fetches it with: medvault-edge restore FOLDER"),
    )  # fmt: skip

    def __init__(
        self, facility: Facility, given: Mapping[str, Any] | None = None, *, has_choices: bool = False
    ) -> None:
        super().__init__(facility, given, has_choices=has_choices)
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        self._nodes = {f"node-{node.pk}": node for node in nodes_of(facility)}
        nodes = [(key, node.name) for key, node in self._nodes.items()]
        field.choices = [(TERMINAL, _("A terminal of ours")), *nodes]

    def clean(self) -> None:
        given = self.cleaned_data
        first_on, last_on = given.get("first_on"), given.get("last_on")
        if given.get("what") == PERIOD and not (first_on and last_on and first_on <= last_on):
            raise ValidationError(_("A period has its first and its last day."))

    @property
    def chosen(self) -> dict[str, Any]:
        wanted = super().chosen
        is_period, node = wanted["what"] == PERIOD, self._nodes.get(wanted["to"])
        return {
            "what": wanted["what"],
            "first_on": wanted["first_on"].isoformat() if is_period else None,
            "last_on": wanted["last_on"].isoformat() if is_period else None,
            "to": node.name if node else TERMINAL,
            "node": node.pk if node else None,
        }

    def covering(self, choices: Iterable[Choice]) -> list[Choice]:
        self._require_valid()
        wanted = self.cleaned_data
        if wanted["what"] == CHOSEN:
            return list(choices)
        studies = Study.objects.filter(facility=self.facility).order_by("pk")
        if wanted["what"] == PERIOD:
            studies = studies.filter(study_date__range=(wanted["first_on"], wanted["last_on"]))
        return [Choice(uid) for uid in studies.values_list("study_instance_uid", flat=True)]

    @classmethod
    def told(cls, chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
        to = _("A terminal of ours") if chosen["to"] == TERMINAL else chosen["to"]
        return super().told({**chosen, "to": to})


class Restore(Transfer):
    """Charged by volume. What lies beside the images comes back to terminals too: no byte of a facility's stays out."""

    options: type[Options] = RestoreOptions

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:  # noqa: ARG002 wherever to
        return [Counted(Item.RESTORE, (Decimal(extent.size_bytes) / GB).quantize(EXACT))]

    def entries(self, order: Order, images: Iterable[Instance]) -> Iterator[Entry]:
        if order.options["node"]:
            return super().entries(order, images)
        return files_of(order, images)
