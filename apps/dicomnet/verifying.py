"""Whether images are kept safely: in both places, and with the bytes they came with."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256

from apps.catalog.models import Instance
from apps.dicomnet.models import Commitment
from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.places import place

PROCESSING_FAILURE, NO_SUCH_INSTANCE, CLASS_INSTANCE_CONFLICT = 0x0110, 0x0112, 0x0119
"""Failure reasons (PS3.3, C.14.1.1)."""
ARRIVES_WITHIN = timedelta(seconds=60)
"""An image that was acknowledged is in the catalog by then; one that is not was never sent, or is in quarantine."""
COPIED_WITHIN = timedelta(minutes=30)
"""How long a commitment waits for second copies before it tells that it cannot commit."""
AT_ONCE = 500


def failures_of(commitment: Commitment, *, now: datetime) -> dict[str, int] | None:
    """Failure reasons by SOP Instance UID, empty when all are safe; None while that cannot be said yet.

    Within the facility's transaction. Every image's bytes are read from the primary and compared with the SHA-256 it
    came with; the replica was compared when it was made.
    """
    age = now - commitment.requested_at
    instances = dict(_instances(commitment))
    missing = [uid for _, uid in commitment.references if uid not in instances]
    if missing and age < ARRIVES_WITHIN:
        return None
    if age < COPIED_WITHIN and any(instance.pack.replicated_at is None for instance in instances.values()):
        return None
    failures = dict.fromkeys(missing, NO_SUCH_INSTANCE)
    for sop_class, uid in commitment.references:
        if uid in instances and (reason := _reason(instances[uid], sop_class)):
            failures[uid] = reason
    return failures


def _instances(commitment: Commitment) -> Iterator[tuple[str, Instance]]:
    uids = [uid for _, uid in commitment.references]
    for start in range(0, len(uids), AT_ONCE):
        found = Instance.objects.select_related("pack").filter(
            facility_id=commitment.facility_id, sop_instance_uid__in=uids[start : start + AT_ONCE]
        )
        for instance in found:
            yield instance.sop_instance_uid, instance


def _reason(instance: Instance, sop_class: str) -> int:
    if instance.sop_class_uid != sop_class:
        return CLASS_INSTANCE_CONFLICT
    if instance.pack.replicated_at is None:
        return PROCESSING_FAILURE
    digest = sha256()
    try:
        for piece in place("primary").pieces(instance.pack.name, instance.pack_offset, instance.length_bytes):
            digest.update(piece)
    except (MissingPack, VaultUnavailable):
        return PROCESSING_FAILURE
    return 0 if digest.digest() == bytes(instance.sha256) else PROCESSING_FAILURE
