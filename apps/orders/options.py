"""What is chosen of an order beyond its images: a form for each kind, the same one for every door."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.catalog.models import Instance
from apps.facilities.models import Facility
from apps.orders.choosing import Choice
from apps.orders.errors import InvalidOptions


class Recipient(NamedTuple):
    """To whom it is sent, if not to the facility itself."""

    name: str
    lines: str


class Options(forms.Form):
    """Nothing to choose. A kind's own form has fields whose cleaned values are JSON; each has a value to begin with."""

    days_offered: ClassVar[str] = ""
    """The field for how many days what was produced is offered, where that is chosen."""
    needs_choices: ClassVar[bool] = True
    """Whether there is nothing to order unless something was chosen."""
    begins_with_choices: ClassVar[Mapping[str, str]] = {}
    """What fields begin with instead, where something was chosen."""

    def __init__(
        self, facility: Facility, given: Mapping[str, Any] | None = None, *, has_choices: bool = False
    ) -> None:
        """`given`: what was chosen; where it holds none of the fields, all are as they begin."""
        self.facility = facility
        fields = type(self).base_fields
        chosen = given if given is not None and set(given) & set(fields) else None
        begins = {name: each.initial for name, each in fields.items()}
        super().__init__(
            chosen if chosen is not None else begins | dict(self.begins_with_choices if has_choices else {})
        )

    @property
    def chosen(self) -> dict[str, Any]:
        """What an order keeps. Raises InvalidOptions."""
        self._require_valid()
        return dict(self.cleaned_data)

    @property
    def recipient(self) -> Recipient | None:
        """Whom it is sent to, if not the facility itself. Raises InvalidOptions."""
        return None

    def notes(self, instances: QuerySet[Instance]) -> list[str]:  # noqa: ARG002 a kind's own form has something to say
        """What is to be known of these images before they are ordered so."""
        return []

    def covering(self, choices: Iterable[Choice]) -> list[Choice]:
        """What the order is of, where so much is chosen. Raises InvalidOptions."""
        return list(choices)

    @classmethod
    def told(cls, chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What an order keeps, for people: labels and values; what was left empty is not mentioned."""
        fields = cls.base_fields.items()
        return [(str(each.label), _told(each, chosen[name])) for name, each in fields if chosen.get(name)]

    @classmethod
    def term(cls, chosen: Mapping[str, Any]) -> timedelta | None:
        """How long what was produced is offered, where that is chosen."""
        return timedelta(days=chosen[cls.days_offered]) if cls.days_offered else None

    def _require_valid(self) -> None:
        for name, errors in self.errors.items():
            label = self.fields[name].label if name in self.fields else ""
            raise InvalidOptions(f"{label}: {errors[0]}" if label else str(errors[0]))


def _told(field: forms.Field, value: Any) -> str:
    if isinstance(field, forms.ChoiceField):
        return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]
    return str(_("yes")) if value is True else str(value)


class SentOptions(Options):
    """What goes by post or carrier."""

    to_name = forms.CharField(
        label=_("Recipient"), max_length=120, required=False,
        help_text=_("Another facility, or the patient. Empty: your own address."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    to_address = forms.CharField(
        label=pgettext_lazy("postal", "Address"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> None:
        if bool(self.cleaned_data.get("to_name")) != bool(self.cleaned_data.get("to_address")):
            raise ValidationError(_("A recipient has a name and an address."))

    @property
    def chosen(self) -> dict[str, Any]:
        return {name: value for name, value in super().chosen.items() if name not in ("to_name", "to_address")}

    @property
    def recipient(self) -> Recipient | None:
        self._require_valid()
        name, lines = self.cleaned_data["to_name"], self.cleaned_data["to_address"]
        return Recipient(name, lines) if name else None
