"""Receipts that an earlier release put on record without their digest are put on record with it: by an event of now.

What is on record never changes. The further event is that of a new receipt, and says when the receipt was issued.
"""

import logging
from datetime import UTC
from hashlib import sha256

from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast

from apps.audit.models import Event
from apps.audit.record import SYSTEM, record
from apps.audit.signing import NotSigned, checked
from apps.collection.models import Receipt
from apps.collection.receipts import TYP
from apps.core.locks import lock_names
from apps.facilities.tenancy import as_center

AT_A_TIME = 500
log = logging.getLogger(__name__)


def record_earlier_receipts() -> int:
    """Returns how many were put on record. Two at once record each once; a receipt that the center has not signed stays
    out, and is told to the log.
    """
    with as_center():
        keys = list(_unrecorded().order_by("pk").values_list("pk", flat=True))
    return sum(_recorded(keys[start : start + AT_A_TIME]) for start in range(0, len(keys), AT_A_TIME))


def _unrecorded() -> QuerySet[Receipt]:
    events = Event.objects.filter(
        object_type="receipt", object_id=Cast(OuterRef("pk"), CharField()), facility_id=OuterRef("facility_id"),
        details__has_key="sha256",
    )  # fmt: skip
    return Receipt.objects.filter(~Exists(events))


def _recorded(keys: list[int]) -> int:
    with as_center():
        lock_names(["evidence/receipts"])
        receipts = _unrecorded().filter(pk__in=keys).order_by("pk")
        return sum(_record(receipt) for receipt in receipts)


def _record(receipt: Receipt) -> bool:
    try:
        checked(receipt.jws, typ=TYP)
    except NotSigned:
        log.error("Receipt %d is not put on record: the center has not signed it", receipt.pk)  # noqa: TRY400
        return False
    record(f"receipt.{receipt.kind}", actor=SYSTEM, object_type="receipt", object_id=receipt.pk,
           facility_id=receipt.facility_id, sha256=sha256(receipt.jws.encode()).hexdigest(),
           issued_at=receipt.issued_at.astimezone(UTC).isoformat(timespec="seconds"))  # fmt: skip
    return True
