"""Invoices by e-mail: each finalized one once, with its document."""

import logging

from django.conf import settings
from django.urls import reverse

from apps.audit.record import SYSTEM, record
from apps.billing.documents import document_of
from apps.billing.letters import addressees, send_letter
from apps.billing.models import Invoice
from apps.core.clock import database_now
from apps.core.money import formatted
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_center

log = logging.getLogger(__name__)


def mail_invoices() -> int:
    """Mail what has been finalized and not been mailed; returns how many were."""
    with as_center():
        waiting = Invoice.objects.filter(mailed_at=None).exclude(finalized_at=None)
        keys = list(waiting.order_by("finalized_at", "pk").values_list("pk", flat=True))
    return sum(map(_mailed, keys))


def _mailed(key: int) -> bool:
    """Whether this worker mailed it. The row is held meanwhile; a mail that is not taken is tried again."""
    try:
        with as_center():
            unmailed = Invoice.objects.filter(pk=key, mailed_at=None).select_for_update(skip_locked=True, of=("self",))
            invoice = unmailed.select_related("facility", "contract", "corrects").first()
            if invoice is None or not addressees(invoice.facility_id):
                return False
            Invoice.objects.filter(pk=key).update(mailed_at=database_now())
            record("invoice.mailed", actor=SYSTEM, object_type="invoice", object_id=key,
                   facility_id=invoice.facility_id)  # fmt: skip
            return _mail(invoice)
    except Exception:  # smtplib's errors, and the bare ones of documents; no invoice keeps others waiting
        log.exception("Invoice %s could not be mailed", key)
        return False


def _mail(invoice: Invoice) -> bool:
    address = {"facility_slug": invoice.facility.slug, "invoice_id": invoice.pk}
    with in_words_of(None, invoice.facility):
        return send_letter(
            invoice, subject=str(invoice.get_kind_display()), template="billing/invoice", document=document_of(invoice),
            seller=invoice.seller["name"], total=formatted(invoice.gross, invoice.currency),
            link=settings.PUBLIC_URL + reverse("portal:invoice", kwargs=address),
        )  # fmt: skip
