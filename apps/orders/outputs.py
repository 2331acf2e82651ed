"""The files that were produced, in the storage `outputs`: kept until their term, then erased."""

import os
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files import File
from django.core.files.storage import storages
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.orders.models import Order, Output, State

PIECE = 1 << 20


class _Passing(File):  # type: ignore[type-arg]
    """A file that the storage may take as it is, where both lie on one file system."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def keep(output: Output, source: Path, name: str) -> None:
    """Put a file that was produced into the storage under a name, and note its size and digest. Raises OSError."""
    digest = sha256()
    with source.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
        os.fsync(file.fileno())
        output.size_bytes, output.sha256 = file.tell(), digest.digest()
    storages["outputs"].delete(name)  # of a worker that was killed before it could note it
    with source.open("rb") as file:
        output.name = storages["outputs"].save(name, _Passing(file))


def file_name(order: Order, number: int, suffix: str) -> str:
    """Under which a production is kept; another attempt at the same one takes its place."""
    return f"{order.facility_id}/{order.uid}/{number}{suffix}"


def opened(output: Output) -> BinaryIO:
    """The file, seekable. Raises OSError."""
    return cast(BinaryIO, storages["outputs"].open(output.name))


def pieces(output: Output, start: int, size: int) -> Iterator[bytes]:
    """A range of it, in pieces."""
    with opened(output) as file:
        file.seek(start)
        while size and (piece := file.read(min(PIECE, size))):
            size -= len(piece)
            yield piece


def offered_output(order: Order, *, now: datetime) -> Output | None:
    """What the facility may fetch now."""
    if not order.is_offered or order.offered_until is None or now >= order.offered_until:
        return None
    return made_output(order)


def made_output(order: Order) -> Output | None:
    """What was produced last and found equal, while it is kept."""
    if order.state not in {State.READY, State.DISPATCHED, State.COMPLETED}:
        return None
    made = Output.objects.filter(facility_id=order.facility_id, order=order, made_at__isnull=False, erased_at=None)
    return made.order_by("-number").first()


def latest() -> QuerySet[Output]:
    """Of each order, the production that counts."""
    later = Output.objects.filter(
        facility_id=OuterRef("facility_id"), order=OuterRef("order"), number__gt=OuterRef("number")
    )
    return Output.objects.filter(~Exists(later))


def erasable(*, now: datetime) -> QuerySet[Output]:
    """Files that nobody may fetch any more: superseded, sent back, cancelled, or past their term."""
    kept = Output.objects.filter(made_at__isnull=False, erased_at=None)
    over = Q(order__offered_until__lte=now, order__state=State.COMPLETED)
    return kept.filter(over | Q(order__state__in=[State.ACCEPTED, State.CANCELLED]) | ~Q(pk__in=latest().values("pk")))


def abandoned() -> QuerySet[Output]:
    """Productions that were called off before they were made: a worker that was killed may have left a file."""
    unmade = Output.objects.filter(made_at=None, erased_at=None).exclude(name="")
    return unmade.filter(~Q(order__state=State.PRODUCING) | ~Q(pk__in=latest().values("pk")))


def erase(output: Output, *, now: datetime) -> None:
    """Remove the file. The row stays: it proves what was produced."""
    storages["outputs"].delete(output.name)
    output.erased_at = now
    output.save(update_fields=["erased_at"])
