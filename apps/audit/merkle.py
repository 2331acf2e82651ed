"""A Merkle tree that only grows (RFC 9162, 2.1.1), in logarithmic space. Pure: leaves in, hashes out."""

import json
from dataclasses import dataclass, field
from hashlib import sha256

from apps.audit.models import Event

_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(slots=True)
class Tree:
    """`edge`: the roots of the complete subtrees, the largest first; their sizes are the powers of two in `size`."""

    size: int = 0
    edge: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its content."""
        self.edge.append(sha256(_LEAF + leaf).digest())
        self.size += 1
        size = self.size
        while size % 2 == 0:
            right = self.edge.pop()
            self.edge[-1] = _node(self.edge[-1], right)
            size //= 2

    def root(self) -> bytes:
        """The hash of all leaves so far; of none, that of nothing."""
        if not self.edge:
            return sha256().digest()
        *rest, root = self.edge
        for left in reversed(rest):
            root = _node(left, root)
        return root


def leaf_of(event: Event) -> bytes:
    """What an event is in the tree: its facts as JSON with sorted keys, without spaces, in UTF-8."""
    told = {
        "id": event.pk,
        "at": event.at.isoformat(timespec="microseconds"),
        "facility": event.facility_id,
        "actor": [event.actor_kind, event.actor_id],
        "action": event.action,
        "object": [event.object_type, event.object_id],
        "source": event.source_address,
        "details": event.details,
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
