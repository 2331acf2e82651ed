"""Object Lock (S3): whether the bucket really refuses. Some servers accept a lock and delete all the same.

What a probe finds is logged when a worker starts, and told by `manage.py check_object_lock`. Probes are empty objects
locked for minutes; the next probe removes the ones whose lock has ended.
"""

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from botocore.exceptions import ClientError

from apps.vault.errors import VaultUnavailable
from apps.vault.places import BucketPlace, place

PROBES = "object-lock-probes/"
LOCKED_FOR = timedelta(minutes=5)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a place did with an object in compliance mode. Without `has_lock` nothing was tried."""

    alias: str
    has_lock: bool
    refuses_deletion: bool = False
    refuses_shortening: bool = False

    @property
    def holds(self) -> bool:
        """Whether a lock keeps what it promises."""
        return self.has_lock and self.refuses_deletion and self.refuses_shortening

    @property
    def problem(self) -> str:
        """What does not hold; empty where there is nothing to tell."""
        if not self.has_lock or self.holds:
            return ""
        broken = [
            name for name, holds in (("deletes", self.refuses_deletion), ("shortens", self.refuses_shortening))
            if not holds
        ]  # fmt: skip
        return f"The {self.alias} says that it has Object Lock, but {' and '.join(broken)} what is locked"


def probe_locks(*, now: datetime) -> list[Probe]:
    """Try each place that is a bucket. Raises VaultUnavailable."""
    found = []
    for alias in ("primary", "replica"):
        where = place(alias)
        if isinstance(where, BucketPlace):
            found.append(_probe(alias, where, now) if where.has_lock else Probe(alias, has_lock=False))
    for each in found:
        if each.problem:
            log.error(each.problem)
    return found


def any_lock() -> bool:
    """Whether a place says that it can lock, or cannot be asked now."""
    try:
        return any(isinstance(where, BucketPlace) and where.has_lock for where in map(place, ("primary", "replica")))
    except VaultUnavailable:
        return True


def _probe(alias: str, where: BucketPlace, now: datetime) -> Probe:
    _sweep(where)
    name = f"{PROBES}{uuid4()}"
    with tempfile.NamedTemporaryFile() as file:
        where.put(name, Path(file.name))
    where.lock_until(name, now + LOCKED_FOR)
    shortened = _is_refused(lambda: where.lock_until(name, now + timedelta(seconds=1)))
    where.lock_until(name, now + LOCKED_FOR)
    return Probe(alias, has_lock=True, refuses_deletion=_is_refused(lambda: where.remove(name)),
                 refuses_shortening=shortened)  # fmt: skip


def _is_refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except VaultUnavailable as refusal:
        return isinstance(refusal.__cause__, ClientError)
    return False


def _sweep(where: BucketPlace) -> None:
    for name in where.names(PROBES):
        _is_refused(lambda name=name: where.remove(name))  # type: ignore[misc]
