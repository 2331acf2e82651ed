"""A Merkle tree that only grows (RFC 9162, 2.1.1), in logarithmic space. Pure: leaves in, hashes out."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from apps.audit.models import Event

_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(slots=True)
class Tree:
    """`edge`: the roots of the complete subtrees, the largest first; their sizes are the powers of two in `size`.

    `path`: the siblings of the part that is followed, as far as they are complete; `proof` adds the rest.
    """

    size: int = 0
    edge: list[bytes] = field(default_factory=list)
    path: list[bytes] = field(default_factory=list)
    _followed: int | None = None  # the place in the edge of the subtree that holds what is followed

    def append(self, leaf: bytes, *, is_followed: bool = False) -> None:
        """Add a leaf by its content; one that is followed has its inclusion proven by `proof`."""
        self.edge.append(sha256(_LEAF + leaf).digest())
        self.size += 1
        if is_followed:
            self.follow()
        size = self.size
        while size % 2 == 0:
            right = self.edge.pop()
            self._note_sibling(len(self.edge) - 1, self.edge[-1], right)
            self.edge[-1] = _node(self.edge[-1], right)
            size //= 2

    def follow(self) -> None:
        """From here on follow the subtree that ends with the last leaf."""
        self._followed, self.path = len(self.edge) - 1, []

    def root(self) -> bytes:
        """The hash of all leaves so far; of none, that of nothing."""
        if not self.edge:
            return sha256().digest()
        *rest, root = self.edge
        for left in reversed(rest):
            root = _node(left, root)
        return root

    def proof(self) -> list[bytes]:
        """The siblings of what is followed up to the root, the lowest first."""
        path, followed = [*self.path], self._followed
        *rest, right = self.edge
        for place, left in reversed([*enumerate(rest)]):
            if followed == place:
                path.append(right)
            elif followed == place + 1:
                path.append(left)
                followed = place
            right = _node(left, right)
        return path

    def _note_sibling(self, place: int, left: bytes, right: bytes) -> None:
        """Two parts of the edge, at `place` and after it, become one."""
        if self._followed == place:
            self.path.append(right)
        elif self._followed == place + 1:
            self.path.append(left)
            self._followed = place


def consistency(first: Tree, leaves: Iterable[bytes]) -> list[bytes]:
    """The proof that a tree begins with `first`, by the leaves that came after it (RFC 9162, 2.1.4.1)."""
    if not first.size:
        return []
    tree = Tree(first.size, [*first.edge])
    tree.follow()
    for leaf in leaves:
        tree.append(leaf)
    is_power_of_two = len(first.edge) == 1
    return tree.proof() if is_power_of_two else [first.edge[-1], *tree.proof()]


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
