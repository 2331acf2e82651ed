"""Proofs against the signed heads of the log (RFC 9162, 2.1.3 and 2.1.4), which anyone checks without the center.

A receipt is signed in the transaction that puts it on record, so that its own proof comes with the next checkpoint.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from apps.audit.merkle import Tree, consistency, leaf_of
from apps.audit.models import Event
from apps.collection.models import Receipt
from apps.core.errors import DomainError
from apps.evidence.checkpoints import READ_AT_ONCE, events_of
from apps.evidence.models import Checkpoint

MOST_BETWEEN = 250_000
"""Events that are read for one proof of consistency; about ten seconds."""


class TooFarApart(DomainError):
    """So much lies between two checkpoints that their consistency is proven in steps, by those between them."""

    code = "too_far_apart"

    def __init__(self) -> None:
        super().__init__(_("Too much happened between these checkpoints: ask from each to the next."))


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That a receipt is leaf `index` of the log whose head `checkpoint` signs. `leaf`: its text, with the digest."""

    receipt: Receipt
    leaf: str
    index: int
    path: list[bytes]
    checkpoint: Checkpoint

    def as_json(self) -> dict[str, Any]:
        """All that it takes to check it, with the center's public keys."""
        return {
            "receipt": self.receipt.jws,
            "leaf": self.leaf,
            "index": self.index,
            "size": self.checkpoint.size,
            "path": [each.hex() for each in self.path],
            "checkpoint": self.checkpoint.jws,
        }


def head_over(receipt: Receipt) -> Checkpoint | None:
    """The first checkpoint that covers a receipt; None until it is signed. Receipts of earlier releases, which have no
    digest on record, wait for that as well (earlier_receipts.py).
    """
    event = _event_of(receipt)
    return _head_after(receipt, event) if event else None


def recorded_late(receipt: Receipt) -> datetime | None:
    """When a receipt of an earlier release was put on record with its digest; None of all others."""
    event = _event_of(receipt)
    return event.at if event and "issued_at" in event.details else None


def inclusion_of(receipt: Receipt) -> Inclusion | None:
    """The proof of a receipt against the first checkpoint that covers it; None as `head_over`."""
    event = _event_of(receipt)
    head = _head_after(receipt, event) if event else None
    if event is None or head is None:
        return None
    before = Checkpoint.objects.filter(facility_id=receipt.facility_id, until__lte=event.at).order_by("-until").first()
    tree, index = _tree_of(before), 0
    for each in _between(before, head):
        is_it = each.pk == event.pk
        index = tree.size if is_it else index
        tree.append(leaf_of(each), is_followed=is_it)
    return Inclusion(receipt, leaf_of(event).decode(), index, tree.proof(), head)


def consistency_of(first: Checkpoint, second: Checkpoint) -> dict[str, Any]:
    """That the log of `second` begins with that of `first`, an earlier one of the facility's. Raises TooFarApart."""
    if second.size - first.size > MOST_BETWEEN:
        raise TooFarApart
    path = consistency(_tree_of(first), map(leaf_of, _between(first, second))) if second.size > first.size else []
    return {"first": first.jws, "second": second.jws, "path": [each.hex() for each in path]}


def _event_of(receipt: Receipt) -> Event | None:
    found = Event.objects.filter(
        facility_id=receipt.facility_id, object_type="receipt", object_id=str(receipt.pk),
        action=f"receipt.{receipt.kind}", details__has_key="sha256",
    )  # fmt: skip
    return found.first()


def _head_after(receipt: Receipt, event: Event) -> Checkpoint | None:
    later = Checkpoint.objects.filter(facility_id=receipt.facility_id, until__gt=event.at)
    return later.order_by("until").first()


def _tree_of(checkpoint: Checkpoint | None) -> Tree:
    return Tree(checkpoint.size, [bytes(each) for each in checkpoint.edge]) if checkpoint else Tree()


def _between(first: Checkpoint | None, second: Checkpoint) -> Iterator[Event]:
    found = events_of(second.facility, since=first.until if first else None, until=second.until)
    return found.iterator(READ_AT_ONCE)
