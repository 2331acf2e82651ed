"""A notification in the words of its reader, whose language and time zone are active (facilities.reading)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_date
from django.utils.formats import date_format, number_format

from apps.notifications.kinds import TELLING, Kind
from apps.notifications.models import Notification


@dataclass(frozen=True, slots=True)
class Wording:
    """What happened, what to do, and by when."""

    title: str
    happened: str
    to_do: str
    due_on: date | None
    url: str


class _Facts(dict[str, Any]):
    """Facts as sentences name them: what a row of an older release lacks is a dash, not an error."""

    def __missing__(self, name: str) -> Any:
        return 0 if name == "count" else "-"


def in_words(notification: Notification) -> Wording:
    """The sentences of its kind, with its facts."""
    url = settings.PUBLIC_URL + notification.path if notification.path else ""
    if notification.kind not in Kind.values:  # of another release
        return Wording(notification.kind, "", "", notification.due_on, url)
    kind = Kind(notification.kind)
    telling, facts = TELLING[kind], _Facts({name: _text(name, fact) for name, fact in notification.facts.items()})
    return Wording(
        title=str(kind.label),
        happened=str(telling.happened % facts),
        to_do=str(telling.to_do % facts),
        due_on=notification.due_on,
        url=url,
    )


def _text(name: str, fact: Any) -> Any:
    if name.endswith("_on") and isinstance(fact, str) and (day := parse_date(fact)):
        return date_format(day)
    if name != "count" and isinstance(fact, int):
        return number_format(fact)
    return fact
