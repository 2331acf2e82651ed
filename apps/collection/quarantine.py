"""Deciding about quarantined files: read again, filed by hand, or set aside with a basis. Nothing is deleted by any.

What was filed goes with its study (retention.deletion). A file that is set aside stays in the vault, and no longer
keeps a contract from ending; on its day (retention.reviewing) it is to be decided on again.
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor, record
from apps.collection.by_hand import filed_under
from apps.collection.errors import IllegalTransition
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import (
    Basis,
    Collection,
    Method,
    Outcome,
    QuarantineAct,
    QuarantineDecision,
    ReceivedFile,
)
from apps.collection.reception import Reception
from apps.core.errors import DomainError
from apps.core.locks import lock_names
from apps.facilities.tenancy import as_center
from apps.vault.reading import pieces
from apps.vault.spool import Batch


class StillUnreadable(DomainError):
    """The file is read no better than before."""

    code = "still_unreadable"


def undecided(*, as_of: date) -> QuerySet[ReceivedFile]:
    """Quarantined files that are to be decided on: nobody has, or they were set aside until that day."""
    is_settled = ~Q(act=QuarantineAct.SET_ASIDE) | Q(review_on__gt=as_of)
    return ReceivedFile.objects.filter(~Exists(_decisions().filter(is_settled)), outcome=Outcome.QUARANTINED)


def never_decided() -> QuerySet[ReceivedFile]:
    """Quarantined files that nobody has ever decided on."""
    return ReceivedFile.objects.filter(~Exists(_decisions()), outcome=Outcome.QUARANTINED)


def _decisions() -> QuerySet[QuarantineDecision]:
    return QuarantineDecision.objects.filter(facility=OuterRef("facility"), file_number=OuterRef("pk"))


def set_aside(
    file: ReceivedFile, *, basis: Basis, review_on: date, reason: str, by: User, actor: Actor, now: datetime
) -> QuarantineDecision:
    """Decide that nothing is to be done with the file until a day. Raises IllegalTransition."""
    with as_center():
        return _decide(file, QuarantineAct.SET_ASIDE, by, actor, now, reason=reason, basis=basis, review_on=review_on)


def read_again(file: ReceivedFile, *, reason: str, by: User, actor: Actor, now: datetime) -> Collection:
    """Read the file as it was received with what the center understands now, and file it in a collection of its own.

    Raises IllegalTransition, StillUnreadable, MissingPack, VaultUnavailable.
    """
    with as_center():
        _require_bytes(file, now)
    assert file.pack is not None
    assert file.pack_offset is not None
    reception = _reception(by, actor, reason)
    with Batch(file.facility_id) as batch:
        intake = Intake(batch)
        found = intake.add(pieces(file.pack, file.pack_offset, file.length_bytes), file.source_name)
        if found.header is None:
            assert found.fault
            raise StillUnreadable(_("The file can still not be read: %(fault)s") % {"fault": found.fault.message})
        collection = new_collection(file.facility, reception, now=now)
        stored = store_batch(collection, reception, intake, now=now, is_last=True)
    with as_center():
        _decide(file, QuarantineAct.FILED, by, actor, now, reason=reason, filed_by=stored.collection)
    return stored.collection


def file_by_hand(
    file: ReceivedFile, *, study_instance_uid: str, reason: str, by: User, actor: Actor, now: datetime
) -> Collection:
    """File what cannot be read under a study of its facility, in a collection of its own.

    Killed between the two transactions, it is filed and undecided: doing it again decides. Raises IllegalTransition,
    UnknownStudy, StillUnreadable where the bytes are gone, MissingPack, VaultUnavailable.
    """
    with as_center():
        _require_bytes(file, now)
    collection = filed_under(file, study_instance_uid, _reception(by, actor, reason), now=now)
    with as_center():
        _decide(file, QuarantineAct.BY_HAND, by, actor, now, reason=reason, filed_by=collection)
    return collection


def note_filing(collection: Collection, digests: Iterable[bytes], act: QuarantineAct, *, reason: str) -> None:
    """That the quarantined files of these SHA-256 were filed by the collection, as its pack says (rebuilding.py)."""
    assert collection.received_at
    with as_center():
        waiting = undecided(as_of=collection.received_at.date())
        for file in waiting.filter(facility_id=collection.facility_id, sha256__in=list(digests)):
            _decide(file, act, None, SYSTEM, collection.received_at, reason=reason, filed_by=collection)


def _reception(by: User, actor: Actor, reason: str) -> Reception:
    """Of no terminal: nothing was collected there, and nothing is charged."""
    return Reception(method=Method.REREAD, actor=actor, operator=str(by), user=by, reason=reason)


def _require_bytes(file: ReceivedFile, now: datetime) -> None:
    _require_open(file, now)
    if file.pack is None or file.pack_offset is None:
        raise StillUnreadable(_("The center does not have the bytes of this file any more."))


def _decide(
    file: ReceivedFile,
    act: QuarantineAct,
    by: User | None,
    actor: Actor,
    now: datetime,
    *,
    reason: str,
    basis: str = "",
    review_on: date | None = None,
    filed_by: Collection | None = None,
) -> QuarantineDecision:
    _require_open(file, now)
    before = QuarantineDecision.objects.filter(facility_id=file.facility_id, file_number=file.pk).count()
    try:
        with transaction.atomic():
            decision = QuarantineDecision.objects.create(
                facility_id=file.facility_id, collection_id=file.collection_id, file_number=file.pk, act=act,
                basis=basis, reason=reason, review_on=review_on, round=before, filed_by=filed_by, decided_at=now,
                decided_by=by,
            )  # fmt: skip
    except IntegrityError as error:
        raise IllegalTransition(_("Somebody else has decided on this file.")) from error
    record("file.decided", actor=actor, object_type="file", object_id=file.pk, facility_id=file.facility_id,
           act=act, basis=basis, review_on=review_on and review_on.isoformat(),
           collection=filed_by.pk if filed_by else None)  # fmt: skip
    return decision


def _require_open(file: ReceivedFile, now: datetime) -> None:
    """And keep others from deciding on it until the transaction ends; taken before any other lock."""
    lock_names([f"{file.facility_id}/quarantined/{file.pk}"])
    if not undecided(as_of=now.date()).filter(facility_id=file.facility_id, pk=file.pk).exists():
        raise IllegalTransition(_("The file is not in quarantine, or was decided on."))
