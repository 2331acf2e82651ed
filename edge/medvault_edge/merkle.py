"""Proofs of a Merkle tree that only grows (RFC 9162), checked: what comes out is to be the signed root. Pure."""

from collections.abc import Iterator
from hashlib import sha256

from medvault_edge.errors import NotVerified

_LEAF, _NODE = b"\x00", b"\x01"


def root_over(leaf: bytes, *, index: int, size: int, path: list[bytes]) -> bytes:
    """The root of a tree of `size` leaves of which `leaf` is the one at `index` (2.1.3.2). Raises NotVerified."""
    if not 0 <= index < size:
        raise NotVerified("The tree has no such leaf")
    root = sha256(_LEAF + leaf).digest()
    for sibling, is_left in _siblings(path, at=index, last=size - 1, told="The way to the root"):
        root = _node(sibling, root) if is_left else _node(root, sibling)
    return root


def roots_over(path: list[bytes], *, first: int, second: int, first_root: bytes) -> tuple[bytes, bytes]:
    """The roots of both trees, of which the later begins with the earlier (2.1.4.2). Raises NotVerified.

    `first` and `second` are their sizes, the earlier one not larger and not empty.
    """
    if first == second and not path:
        return first_root, first_root
    if not 0 < first < second:
        raise NotVerified("The later record is not larger")
    at, last = first - 1, second - 1
    while at % 2:
        at, last = at // 2, last // 2
    hashes = [first_root, *path] if not first & (first - 1) else path
    if not hashes:
        raise NotVerified("The proof is too short")
    earlier = later = hashes[0]
    for sibling, is_left in _siblings(hashes[1:], at=at, last=last, told="The proof"):
        if is_left:
            earlier, later = _node(sibling, earlier), _node(sibling, later)
        else:
            later = _node(later, sibling)
    return earlier, later


def _siblings(path: list[bytes], *, at: int, last: int, told: str) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a proof on the way up from `at`, `last` being its level's last place, and whether it stands to the
    left. Raises NotVerified where the proof, named by `told`, does not end at the root.
    """
    for sibling in path:
        if not last:
            raise NotVerified(f"{told} is too long")
        is_left = at % 2 == 1 or at == last
        yield sibling, is_left
        while is_left and at and not at % 2:
            at, last = at // 2, last // 2
        at, last = at // 2, last // 2
    if last:
        raise NotVerified(f"{told} is too short")


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()
