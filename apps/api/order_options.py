"""The options of a kind of orders, described for programs."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms

from apps.facilities.models import Facility
from apps.orders.kinds import KINDS
from apps.orders.models import OrderKind

# The first that fits: an address and a choice are texts, too.
_TYPES: list[tuple[type[forms.Field], str]] = [
    (forms.ChoiceField, "choice"),
    (forms.EmailField, "email"),
    (forms.IntegerField, "integer"),
    (forms.BooleanField, "boolean"),
    (forms.Field, "string"),
]


def described_kinds(facility: Facility) -> list[dict[str, Any]]:
    """Each kind with what the facility can choose of it."""
    return [
        {
            "kind": name,
            "title": str(OrderKind(name).label),
            "is_fetched": kind.is_fetched,
            "needs_items": kind.options.needs_choices,
            "options": [_described(each, field) for each, field in kind.options(facility).fields.items()],
        }
        for name, kind in KINDS.items()
    ]


def _described(name: str, field: forms.Field) -> dict[str, Any]:
    choices = cast(Iterable[tuple[Any, Any]], field.choices) if isinstance(field, forms.ChoiceField) else None
    return {
        "name": name,
        "title": str(field.label or name),
        "help": str(field.help_text),
        "type": next(told for kind, told in _TYPES if isinstance(field, kind)),
        "is_required": field.required,
        "initial": field.initial,
        "min": getattr(field, "min_value", None),
        "max": getattr(field, "max_value", None),
        "max_length": getattr(field, "max_length", None),
        "choices": {str(value): str(label) for value, label in choices} if choices is not None else None,
    }
