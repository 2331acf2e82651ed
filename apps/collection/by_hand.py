"""Filing a quarantined file by hand, under the study that staff say it is of.

The file gets a pack of its own in that study, as one that is kept beside its images (catalog.Conflict): it has the
study's storage period, is given back with the study, and goes with it. What cannot be read is never shown as an image.
The pack's manifest says under what, by whom and why, so that the filing outlives the database (rebuilding.py).
"""

from datetime import datetime

from django.utils.translation import gettext as _

from apps.catalog.bounds import Unreadable
from apps.catalog.filing import study_lock
from apps.catalog.models import Conflict, ConflictKind, Study
from apps.collection.commit import Packed, record_act, write_opened
from apps.collection.errors import IllegalTransition
from apps.collection.ingest import new_collection
from apps.collection.manifest import manifest
from apps.collection.models import Collection, Outcome, ReceivedFile, State
from apps.collection.reception import Reception
from apps.collection.sorting import Received
from apps.core.errors import DomainError
from apps.core.locks import lock_names
from apps.facilities.tenancy import as_facility
from apps.vault.models import PackKind
from apps.vault.packs import discard_pack, write_pack
from apps.vault.reading import pieces
from apps.vault.spool import Batch


class UnknownStudy(DomainError):
    """The facility has no such study."""

    code = "unknown_study"


def filed_under(file: ReceivedFile, study_instance_uid: str, reception: Reception, *, now: datetime) -> Collection:
    """The collection by which the file is filed under a study of its facility; the same one where it was already.

    The caller has seen that the file is in quarantine and that its bytes are there. Raises UnknownStudy,
    IllegalTransition where it is filed under another study, MissingPack, VaultUnavailable.
    """
    assert file.pack is not None
    assert file.pack_offset is not None
    fault = Unreadable(file.reason_code, file.reason)
    collection = new_collection(file.facility, reception, now=now)
    with Batch(file.facility_id) as batch:
        member = batch.incoming.add(pieces(file.pack, file.pack_offset, file.length_bytes))
        received = Received(file.source_name, member, None, fault)
        content = manifest(
            collection=collection, reception=reception, kind=PackKind.STUDY, files=[received], names=[member.name],
            at=now, study_instance_uid=study_instance_uid,
        )  # fmt: skip
        written = write_pack(batch, batch.incoming, kind=PackKind.STUDY, manifest=content)
        packed = Packed(written, [received])
        try:
            filed = commit_filing(collection, reception, batch.id, packed, study_instance_uid, now=now)
        except DomainError:
            discard_pack(written.name)
            raise
        if filed.pack is None or filed.pack.name != written.name:  # another process was sooner
            discard_pack(written.name)
    return filed.collection


def commit_filing(
    collection: Collection,
    reception: Reception,
    batch_id: str,
    packed: Packed,
    study_instance_uid: str,
    *,
    now: datetime,
) -> ReceivedFile:
    """Make a pack with the one file that was filed by hand known; what was received then, where it is filed already.

    Raises UnknownStudy, IllegalTransition where it is filed under another study.
    """
    facility_id = collection.facility_id
    [file], [member] = packed.files, packed.pack.members
    with as_facility(collection.facility):
        lock_names([batch_id, f"{facility_id}/quarantine", study_lock(facility_id, study_instance_uid)])
        study = Study.objects.filter(facility_id=facility_id, study_instance_uid=study_instance_uid).first()
        if study is None:
            raise UnknownStudy(_("The facility has no study with this UID."))
        filed = {"kind": ConflictKind.UNREADABLE, "sop_instance_uid": "", "sha256": member.sha256}
        if before := Conflict.objects.filter(facility_id=facility_id, **filed).first():
            if before.study_id != study.pk:
                raise IllegalTransition(_("The file is filed under another study."))
            return _received_as(before)
        pack = packed.pack.row(facility_id=facility_id, created_at=now)
        pack.save()
        where = {"pack": pack, "pack_offset": member.offset, "length_bytes": member.length}
        conflict = Conflict.objects.create(
            facility_id=facility_id, study=study, raised_at=now, resolved_at=now, resolved_by=reception.user,
            reason=reception.reason, **filed, **where,
        )  # fmt: skip
        Study.objects.filter(facility_id=facility_id, pk=study.pk).update(updated_at=now)
        collection.conflict_count, collection.size_bytes = 1, member.length
        collection.advance(State.RECEIVED, at=now)
        write_opened(collection, reception, now=now)
        received = ReceivedFile.objects.create(
            facility_id=facility_id, collection=collection, outcome=Outcome.CONFLICT, reason_code=conflict.kind,
            reason=conflict.get_kind_display(), sha256=member.sha256, source_name=file.source_name, conflict=conflict,
            **where,
        )  # fmt: skip
        record_act("collection.received", collection, reception, conflict_count=1)
    return received


def _received_as(conflict: Conflict) -> ReceivedFile:
    files = ReceivedFile.objects.filter(facility_id=conflict.facility_id, conflict=conflict)
    return files.select_related("collection__facility", "pack").order_by("pk")[0]
