"""The gate: the one function that deletes. Rows go in one transaction that proves it may be, then both copies.

Killed anywhere it goes on: until the rows are gone nothing has happened; after that the disposition says which packs
are still to be removed, and only when they are confirmed absent is there a certificate.
"""

import logging
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM, record
from apps.catalog.filing import holding_lock, study_lock
from apps.catalog.models import Conflict, Hold, Instance, Patient, Study
from apps.catalog.preview_cache import forget_previews
from apps.core.errors import DomainError
from apps.core.locks import lock_names, share_name
from apps.core.shown import day
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell
from apps.retention.assessing import assess_patients
from apps.retention.certificates import certificate_of, keep_certificate
from apps.retention.clocks import agreed_now, database_today
from apps.retention.deciding import withdraw
from apps.retention.erasing import erase_rows
from apps.retention.errors import ClocksDiffer, Held, NotDeletable, StillRetained, UnknownPeriod
from apps.retention.models import Disposition, Retention, State
from apps.vault.errors import VaultUnavailable
from apps.vault.models import Pack
from apps.vault.packs import erase_pack

log = logging.getLogger(__name__)


class NewImages(NotDeletable):
    """Images came after the study had expired; nobody has decided on them."""

    code = "new_images"


def delete_study(disposition_id: int) -> State | None:
    """Carry out an approved disposition; its state then, None where another process holds it.

    What stands in the way (a hold, a new exam, a new rule) takes the study back to retained. Raises ClocksDiffer,
    VaultUnavailable: tried again later.
    """
    with as_center():
        disposition = _claimed(disposition_id, State.APPROVED)
        if disposition is None:
            return None
        now = agreed_now()
        try:
            _check(disposition, now)
        except ClocksDiffer:
            raise
        except NotDeletable as error:
            disposition.problem = error.message
            withdraw(disposition, decision=error.code, now=now)
            return State.WITHDRAWN
        _remove_rows(disposition, now)
    return finish(disposition_id)


def finish(disposition_id: int) -> State | None:
    """Remove what is left of a study whose rows are gone, and certify it. Raises VaultUnavailable, NotDeletable."""
    with as_center():
        disposition = _claimed(disposition_id, State.DELETING)
        if disposition is None:
            return None
        names = [pack["name"] for pack in disposition.contents["packs"]]
        if Pack.objects.filter(facility_id=disposition.facility_id, name__in=names).exists():
            raise NotDeletable(_("A pack that it names is on record, and is not removed"))
        for name in names:
            erase_pack(name)
        forget_previews(disposition.facility_id, disposition.contents["instances"])
        now = agreed_now()
        disposition.advance(State.DELETED, at=now)
        disposition.certificate = certificate_of(disposition)
        keep_certificate(disposition)
        disposition.problem = ""
        disposition.save(update_fields=["state", "deleted_at", "certificate", "problem", "next_at"])
        record("study.deleted", actor=SYSTEM, object_type="disposition", object_id=disposition.pk,
               facility_id=disposition.facility_id, packs=len(disposition.contents["packs"]),
               instances=disposition.instance_count)  # fmt: skip
    return State.DELETED


def carry_out(disposition_id: int, state: str) -> State | None:
    """Delete or finish; what cannot be now is noted on the disposition and tried again."""
    try:
        return delete_study(disposition_id) if state == State.APPROVED else finish(disposition_id)
    except (VaultUnavailable, NotDeletable) as error:
        log.error("Disposition %s waits: %s", disposition_id, error.message)  # noqa: TRY400
        _note_problem(disposition_id, error)
        return None


def _claimed(disposition_id: int, state: State) -> Disposition | None:
    dispositions = Disposition.objects.select_related("facility", "study").select_for_update(
        of=("self",), skip_locked=True
    )
    return dispositions.filter(pk=disposition_id, state=state).first()


def _check(disposition: Disposition, now: datetime) -> None:
    """Everything that must hold before anything goes. Raises NotDeletable."""
    facility_id, study = disposition.facility_id, disposition.study
    assert study
    lock_names([study_lock(facility_id, study.study_instance_uid)])
    share_name(holding_lock(facility_id))
    # An exam of the same patient that is being filed waits for this row, and this waits for it.
    Patient.objects.select_for_update().get(facility_id=facility_id, pk=study.patient_id)
    study.refresh_from_db()
    if study.updated_at > disposition.created_at:
        raise NewImages(_("Images came after it had expired"))
    if Hold.objects.filter(facility_id=facility_id, study=study, released_at=None).exists():
        raise Held(_("There is a hold on it"))
    assess_patients(facility_id, [study.patient_id], wait=True)
    retention = Retention.objects.get(facility_id=facility_id, study=study)
    if retention.missing:
        raise UnknownPeriod(_("Not told: %(missing)s") % {"missing": ", ".join(retention.missing)})
    if retention.certain_until is None or retention.certain_until >= _today(now):
        until = day(retention.certain_until) if retention.certain_until else _("an unknown day")
        raise StillRetained(_("Kept until %(day)s") % {"day": until})


def _today(now: datetime) -> date:
    """By the database; `now` is agreed on, so that this machine does not differ."""
    del now
    return database_today()


def _remove_rows(disposition: Disposition, now: datetime) -> None:
    study = disposition.study
    assert study
    packs = _packs(study)
    disposition.pack_ids = [pack.pk for pack in packs]
    instances = Instance.objects.filter(facility_id=study.facility_id, series__study=study)
    disposition.contents = {
        "packs": [_content(pack) for pack in packs], "instances": list(instances.values_list("pk", flat=True)),
    }  # fmt: skip
    disposition.instance_count, disposition.size_bytes = study.instance_count, study.size_bytes
    disposition.advance(State.DELETING, at=now)
    disposition.save()
    erase_rows(disposition)
    record("study.deleting", actor=SYSTEM, object_type="disposition", object_id=disposition.pk,
           facility_id=disposition.facility_id, study=study.pk)  # fmt: skip


def _packs(study: Study) -> list[Pack]:
    of_study = {"facility_id": study.facility_id}
    instances = Instance.objects.filter(**of_study, series__study=study).values("pack_id")
    conflicts = Conflict.objects.filter(**of_study, study=study).values("pack_id")
    held = _quarantined(study)
    return list(
        Pack.objects.filter(Q(pk__in=instances) | Q(pk__in=conflicts) | Q(pk__in=held), **of_study)
        .order_by("pk").select_for_update()
    )  # fmt: skip


def _quarantined(study: Study) -> list[int]:
    """The quarantine's packs that go too: each of their files was filed, under this study or one that is gone.

    The database says which those are, and asks the same of itself when the deletion begins.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT held.pack_id
            FROM collection_receivedfile again
            JOIN collection_quarantinedecision decision ON decision.facility_id = again.facility_id
                AND decision.filed_by_id = again.collection_id
            JOIN collection_receivedfile held ON held.facility_id = decision.facility_id
                AND held.id = decision.file_number AND held.sha256 = again.sha256
            LEFT JOIN catalog_instance instance ON instance.facility_id = again.facility_id
                AND instance.id = again.instance_id
            LEFT JOIN catalog_series series ON series.facility_id = instance.facility_id
                AND series.id = instance.series_id
            LEFT JOIN catalog_conflict conflict ON conflict.facility_id = again.facility_id
                AND conflict.id = again.conflict_id
            WHERE again.facility_id = %(facility)s AND %(study)s IN (series.study_id, conflict.study_id)
                AND retention_quarantine_goes_with(held.facility_id, held.pack_id, %(study)s)
            """,
            {"facility": study.facility_id, "study": study.pk},
        )
        return [key for (key,) in cursor]


def _content(pack: Pack) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sop_instance_uid, encode(sha256, 'hex'), length_bytes FROM catalog_instance
            WHERE facility_id = %(facility)s AND pack_id = %(pack)s
            UNION ALL
            SELECT sop_instance_uid, encode(sha256, 'hex'), length_bytes FROM catalog_conflict
            WHERE facility_id = %(facility)s AND pack_id = %(pack)s
            UNION
            SELECT '', encode(sha256, 'hex'), length_bytes FROM collection_receivedfile
            WHERE facility_id = %(facility)s AND pack_id = %(pack)s AND outcome = 'quarantined' ORDER BY 1, 2
            """,
            {"facility": pack.facility_id, "pack": pack.pk},
        )
        files = [{"sop_instance_uid": uid, "sha256": sha256, "length": length} for uid, sha256, length in cursor]
    return {"name": pack.name, "sha256": bytes(pack.sha256).hex(), "length": pack.size_bytes, "files": files}


def _note_problem(disposition_id: int, error: DomainError) -> None:
    with as_center():
        found = Disposition.objects.select_for_update(skip_locked=True).filter(
            pk=disposition_id, state__in=[State.APPROVED, State.DELETING]
        )
        if disposition := found.first():
            disposition.problem = error.message[:300]
            disposition.save(update_fields=["problem"])
            path = reverse("admin:retention_disposition_change", args=[disposition.pk])
            tell(Kind.STAFF_DELETION_STUCK, facility=disposition.facility_id, about=("disposition", disposition.pk),
                 path=path)  # fmt: skip
