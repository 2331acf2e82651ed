"""Copies of packs, as they read now: what their row says, or what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from django.db.models import OuterRef, Subquery

from apps.facilities.models import Facility
from apps.vault.errors import DigestMismatch, MissingPack, PlaceUnavailable, VaultUnavailable
from apps.vault.models import Damage, Pack
from apps.vault.places import WHOLE, place
from apps.vault.standing import is_damaged
from apps.vault.verify import verify_members

WITNESSES = 10  # other packs that are asked for before one is called missing


@dataclass(frozen=True, slots=True)
class Copy:
    """A pack in one place; digest and size are those of what was read, None where nothing could be."""

    alias: str
    damage: Damage | None
    sha256: bytes | None = None
    size_bytes: int | None = None


def read_copy(pack: Pack, alias: str) -> Copy:
    """Read a whole copy from its medium; one that is not good is read a second time before it is called damaged.

    Raises PlaceUnavailable where the place shows no other pack either.
    """
    copy = _read(pack, alias)
    if copy.damage:
        copy = _read(pack, alias)
    if copy.damage in {Damage.MISSING, Damage.UNREADABLE} and not _shows_others(alias, pack):
        raise PlaceUnavailable(f"The {alias} is not available: it shows no pack")
    return copy


def agrees_with_manifest(pack: Pack, copy: Copy) -> bool | None:
    """Whether a copy is whole by the manifest it carries, and no other pack's; None where it cannot be read."""
    if copy.size_bytes is None:
        return None
    if Pack.objects.filter(sha256=copy.sha256).exclude(pk=pack.pk).exists():
        return False
    try:
        return verify_members(place(copy.alias), pack.name, copy.size_bytes) == pack.file_count
    except DigestMismatch:
        return False
    except (MissingPack, VaultUnavailable, OSError):
        return None


def _read(pack: Pack, alias: str) -> Copy:
    where, digest, size = place(alias), sha256(), 0
    try:
        where.uncache(pack.name)  # what the cache remembers proves nothing about the medium
        for piece in where.pieces(pack.name, 0, WHOLE):
            digest.update(piece)
            size += len(piece)
        where.uncache(pack.name)
    except MissingPack:
        return Copy(alias, Damage.MISSING)
    except (VaultUnavailable, OSError):
        return Copy(alias, Damage.UNREADABLE)
    return Copy(alias, _damage(pack, digest.digest(), size), digest.digest(), size)


def _damage(pack: Pack, digest: bytes, size: int) -> Damage | None:
    if digest == bytes(pack.sha256) and size == pack.size_bytes:
        return None
    return Damage.TRUNCATED if size < pack.size_bytes else Damage.OTHER_BYTES


def _shows_others(alias: str, pack: Pack) -> bool:
    """Whether a place can be believed when it does not show `pack`: a disk that is not mounted shows nothing else."""
    where, names = place(alias), list(_witnesses(pack))
    try:
        return any(_shows(alias, name) for name in names) if names else bool(where.names(""))
    except (VaultUnavailable, OSError):
        return False


def _shows(alias: str, name: str) -> bool:
    try:
        return bool(place(alias).read_at(name, 0, 1))
    except (MissingPack, VaultUnavailable, OSError):
        return False


def _witnesses(pack: Pack) -> Iterator[str]:
    """The oldest pack of each facility that lies in both places, undamaged as far as is known."""
    whole = Pack.objects.filter(~is_damaged(), replicated_at__isnull=False).exclude(pk=pack.pk)
    oldest = whole.filter(facility=OuterRef("pk")).order_by("pk").values("name")[:1]
    found = Facility.objects.annotate(witness=Subquery(oldest)).filter(witness__isnull=False)
    yield from found.order_by("pk").values_list("witness", flat=True)[:WITNESSES]
