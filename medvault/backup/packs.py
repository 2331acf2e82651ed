"""Packs between the vault and a backup. They never change, so that one that is there whole is there for good."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.packs import digest_of
from apps.vault.places import Place


@dataclass(frozen=True, slots=True)
class Row:
    """A pack as the catalog names it."""

    name: str
    sha256: bytes
    size: int


@dataclass(slots=True)
class Copied:
    """`missing`: names of packs that no source has whole."""

    there: int = 0
    copied: int = 0
    missing: list[str] = field(default_factory=list)


def bring(rows: Iterable[Row], sources: Sequence[Place], target: Place, *, reads_again: bool = False) -> Copied:
    """Give the target every pack that it lacks, from the first source that has it whole, and read each copy back.

    `reads_again`: read what is there too, instead of believing its size. Raises VaultUnavailable.
    """
    done = Copied()
    for row in rows:
        if _is_there(row, target, reads_again=reads_again):
            done.there += 1
        elif any(_copy(row, source, target) for source in sources):
            done.copied += 1
        else:
            done.missing.append(row.name)
    return done


def _copy(row: Row, source: Place, target: Place) -> bool:
    try:
        target.copy_from(source, row.name, Path(settings.VAULT_SPOOL))
    except MissingPack:
        return False
    if _is_there(row, target, reads_again=True):
        return True
    target.remove(row.name)
    return False


def _is_there(row: Row, place: Place, *, reads_again: bool) -> bool:
    try:
        return place.size_of(row.name) == row.size and (not reads_again or digest_of(place, row.name) == row.sha256)
    except MissingPack:
        return False


def bring_certificates(source: Place, target: Place, folder: str) -> int:
    """Copy deletion certificates that the target lacks; how many it has then."""
    names = source.names(f"{folder}/")
    known = set(target.names(f"{folder}/"))
    for name in names:
        if name not in known:
            try:
                target.copy_from(source, name, Path(settings.VAULT_SPOOL))
            except MissingPack as error:
                raise VaultUnavailable(f"{name} went away") from error
    return len(known | set(names))
