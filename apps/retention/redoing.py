"""Deletions that a restored database does not know: the certificates beside the packs say that they were carried out.

What was deleted stays deleted. The rows go through the same gate as ever; where it refuses, because the database lacks
something else that came after the backup (a correction, a care event), staff are told, and it may be repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM, record
from apps.catalog.models import Study
from apps.core.errors import DomainError
from apps.facilities.tenancy import as_center
from apps.retention.certificates import kept_certificates
from apps.retention.clocks import agreed_now, database_today
from apps.retention.deletion import delete_study
from apps.retention.errors import NotDeletable, StillRetained
from apps.retention.models import Disposition, Retention, State
from apps.retention.models.dispositions import OPEN
from apps.vault.models import Pack
from apps.vault.packs import erase_pack

DECISION = "certificate"


@dataclass(slots=True)
class Redone:
    """`refused`: the numbers of certificates, and why the gate kept what they say was deleted."""

    certificates: int = 0
    deleted: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def deleted_packs() -> set[str]:
    """The names of all packs that certificates say were deleted. Raises VaultUnavailable."""
    return {pack["name"] for claims in kept_certificates() for pack in claims["packs"]}


def redo_deletions() -> Redone:
    """See to it that nothing is left of what certificates say was deleted. Raises VaultUnavailable, ClocksDiffer."""
    redone = Redone()
    for claims in kept_certificates():
        redone.certificates += 1
        try:
            redone.deleted += _redo(claims)
        except DomainError as error:
            redone.refused[claims["number"]] = error.message
    return redone


def _redo(claims: dict[str, Any]) -> bool:
    """Whether there was anything left."""
    names = {pack["name"] for pack in claims["packs"]}
    with as_center():
        known = set(Pack.objects.filter(name__in=names).values_list("name", flat=True))
        disposition = _approved(claims) if known else None
    if disposition and delete_study(disposition.pk) != State.DELETED:
        raise NotDeletable(_("What the database knows now keeps it"))
    for name in names - known:
        erase_pack(name)
    return disposition is not None


def _approved(claims: dict[str, Any]) -> Disposition:
    """The study's disposition, approved by what was decided before. Raises StillRetained."""
    now = agreed_now()
    study = Study.objects.get(facility__slug=claims["facility"], study_instance_uid=claims["study_instance_uid"])
    retention = Retention.objects.filter(facility_id=study.facility_id, study=study).first()
    if retention is None or retention.kept_until is None or retention.kept_until >= database_today():
        raise StillRetained(_("By what the database knows now its storage period has not ended"))
    disposition = next(_open(study), None) or Disposition.objects.create(
        facility_id=study.facility_id, study=study, study_instance_uid=study.study_instance_uid,
        study_date=study.study_date, modalities=study.modalities_in_study, kept_until=retention.kept_until,
        governing=claims["floor"], created_at=now, instance_count=study.instance_count, size_bytes=study.size_bytes,
    )  # fmt: skip
    if disposition.state != State.APPROVED:
        disposition.decision = DECISION
        disposition.advance(State.APPROVED, at=now)
        disposition.save()
        record("disposition.approved", actor=SYSTEM, object_type="disposition", object_id=disposition.pk,
               facility_id=disposition.facility_id, certificate=claims["number"])  # fmt: skip
    return disposition


def _open(study: Study) -> Iterator[Disposition]:
    yield from Disposition.objects.filter(facility_id=study.facility_id, study=study, state__in=OPEN)
