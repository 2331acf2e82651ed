"""Repairing a copy from the other one. The damaged bytes are kept aside, for staff to look at."""

from pathlib import Path

from django.conf import settings

from apps.vault.copies import read_copy
from apps.vault.errors import DigestMismatch
from apps.vault.models import Finding, Pack
from apps.vault.packs import aside
from apps.vault.places import place

KEPT_ASIDE = 20  # damaged copies that a place keeps


def repair_copy(pack: Pack, alias: str, *, source: str) -> None:
    """Put the source's bytes in the place of a damaged copy, whole at once, and read them back.

    The caller holds the row, and has read the source. Raises VaultUnavailable, MissingPack, DigestMismatch, OSError.
    """
    where = place(alias)
    Finding.objects.filter(facility_id=pack.facility_id, pack=pack, place=alias).update(kept_as="")
    where.keep_aside(pack.name, aside(pack.name))
    where.copy_from(place(source), pack.name, Path(settings.VAULT_SPOOL))
    if read_copy(pack, alias).damage:
        raise DigestMismatch(f"Pack {pack.name} was repaired in the {alias} and reads differently again")


def kept_aside(pack: Pack, alias: str) -> str:
    """The name of the damaged bytes that a place keeps of a pack; '' where it keeps none."""
    name = aside(pack.name)
    return name if name in place(alias).names(name) else ""


def drop_oldest_aside(alias: str) -> None:
    """Remove damaged bytes beyond the newest KEPT_ASIDE of a place. Raises VaultUnavailable."""
    kept = Finding.objects.filter(place=alias).exclude(kept_as="").order_by("-resolved_at", "-pk")
    for finding in kept[KEPT_ASIDE:]:
        place(alias).remove(finding.kept_as)
        finding.kept_as = ""
        finding.save(update_fields=["kept_as"])
