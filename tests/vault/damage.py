"""Packs in both places, and ways to damage a copy behind MedVault's back."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from apps.collection.replication import replicate_pending
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.budget import Budget
from apps.vault.fixity import Sweep, sweep
from apps.vault.models import Finding, Pack
from apps.vault.packs import aside
from apps.vault.places import DirectoryPlace, place
from tests.portal.pages import dicom, store

BOTH = ("primary", "replica")


def stored_packs(facility: Facility, count: int) -> list[Pack]:
    """So many studies of two images, each a pack in both places."""
    for number in range(1, count + 1):
        store(facility, dicom(number, 1), dicom(number, 2))
    replicate_pending()
    with as_center():
        return list(Pack.objects.filter(facility=facility).order_by("pk"))


def path_of(pack: Pack, alias: str) -> Path:
    where = place(alias)
    assert isinstance(where, DirectoryPlace)
    return Path(where.path(pack.name))


def aside_of(pack: Pack, alias: str) -> Path:
    where = place(alias)
    assert isinstance(where, DirectoryPlace)
    return Path(where.path(aside(pack.name)))


def put(path: Path, content: bytes) -> None:
    """Other bytes in a file of its own: a pack in the primary may be one with a file of the spool."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    put(path, bytes(content))


def cut(path: Path) -> None:
    put(path, path.read_bytes()[:-7])


def lengthen(path: Path) -> None:
    put(path, path.read_bytes() + b"more")


def empty(path: Path) -> None:
    put(path, b"")


def delete(path: Path) -> None:
    path.unlink()


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "one bit flipped": (flip, "other_bytes"),
    "truncated": (cut, "truncated"),
    "lengthened": (lengthen, "other_bytes"),
    "emptied": (empty, "truncated"),
    "deleted": (delete, "missing"),
}


def is_good(pack: Pack, alias: str) -> bool:
    path = path_of(pack, alias)
    return path.exists() and sha256(path.read_bytes()).digest() == bytes(pack.sha256)


def verify(*, is_all: bool = True, facility: Facility | None = None, budget: Budget | None = None) -> Sweep:
    """A sweep over every pack."""
    with as_center():
        run = Sweep.of(facility=facility, is_all=is_all)
    return sweep(run, budget or Budget())


def findings(pack: Pack | None = None) -> list[Finding]:
    with as_center():
        found = Finding.objects.order_by("pk")
        return list(found.filter(pack=pack) if pack else found)


def told(pack: Pack) -> set[tuple[str, str, str, str]]:
    """Place, damage, obstacle and resolution of everything found of a pack."""
    return {(each.place, each.damage, each.obstacle, each.resolution) for each in findings(pack)}


def age(pack: Pack, days: float) -> None:
    """Let the last reading of a pack be so long ago."""
    with as_center():
        Pack.objects.filter(pk=pack.pk).update(checked_at=database_now() - timedelta(days=days))


def fresh(pack: Pack) -> Pack:
    with as_center():
        return Pack.objects.get(pk=pack.pk)
