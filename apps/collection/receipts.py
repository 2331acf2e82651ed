"""Receipts: the two signed completion signals of a collection (MISSION, row 8), and what they say of each image set.

A receipt of kind `received` says that the bytes are durable here; `stored` that both copies were read back and every
file had the SHA-256 it came with. Receipts hold digests and UIDs, no names.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from apps.audit.record import SYSTEM, record
from apps.audit.signing import sign
from apps.collection.models import Collection, Outcome, Receipt, ReceiptKind, ReceivedFile, ReceptionRecord, State
from apps.core.locks import lock_names

TYP = "medvault-receipt+jwt"
_EARNED = {
    State.RECEIVED: [ReceiptKind.RECEIVED],
    State.PARTIAL: [ReceiptKind.RECEIVED],
    State.STORED: [ReceiptKind.RECEIVED, ReceiptKind.STORED],
}


def issue_receipts(collection: Collection, *, now: datetime) -> list[Receipt]:
    """Issue the receipts that the collection's state has earned and that are not there yet; all there are, in order.

    Within the caller's transaction; two at once issue each once.
    """
    Collection.objects.select_for_update(of=("self",)).get(facility_id=collection.facility_id, pk=collection.pk)
    found = {receipt.kind: receipt for receipt in _of(collection)}
    missing = [kind for kind in _EARNED.get(State(collection.state), []) if kind not in found]
    if missing:
        # Programs follow receipts by their ids: none may be committed below one that was read already.
        lock_names([f"{collection.facility_id}/receipts"])
    found |= {kind: _issue(collection, kind, now) for kind in missing}
    return [found[kind] for kind in ReceiptKind if kind in found]


def _of(collection: Collection) -> QuerySet[Receipt]:
    return Receipt.objects.filter(facility_id=collection.facility_id, collection=collection)


def _issue(collection: Collection, kind: ReceiptKind, now: datetime) -> Receipt:
    receipt = Receipt.objects.create(
        facility_id=collection.facility_id,
        collection=collection,
        terminal_id=collection.terminal_id,
        kind=kind,
        issued_at=now,
        jws=sign(_claims(collection, kind, now), typ=TYP),
    )
    record(f"receipt.{kind}", actor=SYSTEM, object_type="receipt", object_id=receipt.pk,
           facility_id=collection.facility_id, sha256=sha256(receipt.jws.encode()).hexdigest())  # fmt: skip
    return receipt


def _claims(collection: Collection, kind: ReceiptKind, now: datetime) -> dict[str, Any]:
    reception = ReceptionRecord.objects.get(facility_id=collection.facility_id, collection=collection)
    return {
        "iss": settings.PUBLIC_URL,
        "jti": str(uuid4()),
        "iat": int(now.timestamp()),
        "kind": kind,
        "facility": collection.facility.slug,
        "collection": str(collection.uid),
        "terminal": str(collection.terminal.uid) if collection.terminal else None,
        "method": collection.method,
        "operator": reception.operator,
        "medium_serial": reception.medium_serial,
        "received_at": _text(collection.received_at),
        "stored_at": _text(collection.stored_at) if kind == ReceiptKind.STORED else None,
        "sets": list(_sets(collection, kind)),
        "not_kept": [
            {"sha256": bytes(file.sha256).hex(), "reason": file.reason_code}
            for file in _files(collection).filter(outcome=Outcome.SKIPPED).order_by("pk")
        ],
    }


def _files(collection: Collection) -> QuerySet[ReceivedFile]:
    return ReceivedFile.objects.filter(facility_id=collection.facility_id, collection=collection)


def _sets(collection: Collection, kind: ReceiptKind) -> Iterator[dict[str, Any]]:
    kept = _files(collection).exclude(outcome=Outcome.SKIPPED).annotate(
        study_uid=Coalesce("instance__series__study__study_instance_uid", "conflict__study__study_instance_uid"),
        copied_at=F("pack__replicated_at"),
    )  # fmt: skip
    ordered = sorted(kept, key=lambda file: (file.study_uid or "", file.pk))
    for study_uid, group in groupby(ordered, key=lambda file: file.study_uid or ""):
        files = [_file(file, kind) for file in group]
        statuses = {file["status"] for file in files}
        status = "not_yet" if "not_yet" in statuses else kind
        yield {"study_instance_uid": study_uid, "status": status, "files": files}


def _file(file: Any, kind: ReceiptKind) -> dict[str, Any]:
    status: str = kind
    if not file.study_uid:
        status = "quarantined"
    elif kind == ReceiptKind.STORED and file.copied_at is None:
        status = "not_yet"
    return {
        "sha256": bytes(file.sha256).hex(),
        "length": file.length_bytes,
        "sop_instance_uid": file.sop_instance_uid,
        "status": status,
    }


def _text(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None
