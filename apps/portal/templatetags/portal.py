"""How facts are shown in the portal."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from apps.collection.models import Outcome, State

register = template.Library()
_TONES = {
    State.OPEN: "azure",
    State.RECEIVED: "azure",
    State.STORED: "success",
    State.PARTIAL: "warning",
    State.FAILED: "danger",
}
_OUTCOME_TONES = {Outcome.STORED: "success", Outcome.CONFLICT: "warning", Outcome.QUARANTINED: "warning"}


@register.filter
def state_tone(state: str) -> str:
    """Colour name of a collection's state."""
    return _TONES[State(state)]


@register.filter
def outcome_tone(outcome: str) -> str:
    """Colour name of what became of a file."""
    return _OUTCOME_TONES.get(Outcome(outcome), "neutral")


@register.filter
def person(name: str) -> str:
    """A DICOM person name (PS3.5, 6.2.1) for people: the alphabetic group, given name first."""
    family, *given = (part.strip() for part in name.split("=", maxsplit=1)[0].split("^"))
    return " ".join(part for part in (*given[:1], family) if part)


@register.filter
def lookup(mapping: dict[Any, Any], key: Any) -> Any:
    """The value of a key, or nothing."""
    return mapping.get(key)


@register.filter
def digest(value: bytes) -> str:
    """Bytes as hexadecimal digits."""
    return bytes(value).hex()


@register.filter
def sex(code: str) -> str:
    """PatientSex (PS3.3, C.7.1.1) in words."""
    return {"M": _("male"), "F": _("female"), "O": _("other")}.get(code, code)
