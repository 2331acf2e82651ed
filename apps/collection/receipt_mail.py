"""Receipts by e-mail, to the address a facility has named: each once, in the background, by any number of workers."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM, record
from apps.collection.models import Receipt, ReceiptKind, ReceiptMail
from apps.core.clock import database_now
from apps.core.letters import letter
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_center

RECENT = timedelta(days=7)  # an address that is named today is not flooded with the past
log = logging.getLogger(__name__)


def mail_receipts() -> int:
    """Send every receipt that is due; returns how many. One whose mail is not taken is tried again at the next call."""
    sent = 0
    for key in _due():
        try:
            sent += _send(key)
        except OSError as error:  # smtplib's errors are such
            log.error("Receipt %s could not be mailed: %s", key, type(error).__name__)  # noqa: TRY400
    return sent


def _due() -> list[int]:
    with as_center():
        waiting = Receipt.objects.filter(mail=None, issued_at__gt=database_now() - RECENT)
        return list(waiting.exclude(facility__receipts_to="").order_by("pk").values_list("pk", flat=True))


def _send(key: int) -> bool:
    """Whether it was this worker that sent it. The row is written first, so that another waits for it."""
    try:
        with as_center():
            receipt = Receipt.objects.select_related("facility", "collection").get(pk=key)
            now: datetime = database_now()
            ReceiptMail.objects.create(
                facility_id=receipt.facility_id, receipt=receipt, sent_to=receipt.facility.receipts_to, sent_at=now
            )
            record("receipt.mailed", actor=SYSTEM, object_type="receipt", object_id=receipt.pk,
                   facility_id=receipt.facility_id)  # fmt: skip
            with in_words_of(None, receipt.facility):
                _mail(receipt)
    except IntegrityError:
        return False
    return True


def _mail(receipt: Receipt) -> None:
    facility, collection = receipt.facility, receipt.collection
    where = {"facility_slug": facility.slug, "collection_id": collection.pk}
    is_stored = receipt.kind == ReceiptKind.STORED
    subject = _("Images stored") if is_stored else _("Images received")
    context = {
        "facility": facility,
        "files": collection.kept_count,
        "is_stored": is_stored,
        "subject": subject,
        "link": settings.PUBLIC_URL + reverse("portal:collection", kwargs=where),
    }
    message = letter(f"{subject}: {facility.name}", "receipts/mail", context, to=[facility.receipts_to])
    message.attach(f"{facility.slug}-{collection.uid}-{receipt.kind}.jws", receipt.jws, "application/jose")
    message.send()
