"""Staff are told of terminals on the network and sources that stay away."""

from datetime import datetime

from django.urls import reverse

from apps.collection.models import Terminal
from apps.dicomnet.models import Source
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell


def tell_of_terminal(terminal: Terminal, *, now: datetime) -> None:
    """That what it was promised could not be reported to it again and again; once a day."""
    _tell(terminal, reverse("admin:collection_terminal_change", args=[terminal.pk]), now)


def tell_of_source(source: Source, *, now: datetime) -> None:
    """That nothing could be fetched from it again and again; once a day."""
    _tell(source.terminal, reverse("admin:dicomnet_source_change", args=[source.pk]), now)


def _tell(terminal: Terminal, path: str, now: datetime) -> None:
    tell(Kind.STAFF_NODE_UNREACHABLE, facility=terminal.facility_id, about=("terminal", terminal.pk),
         occasion=f"{now:%Y-%m-%d}", path=path, facts={"node": str(terminal)})  # fmt: skip
