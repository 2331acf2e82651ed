"""Dunning: reminders by the contract's days, and outputs that stop. Nothing is ever deleted because of it."""

import logging
from datetime import date, datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM, record
from apps.billing.cards.charging import reminder_days
from apps.billing.invoicing import become_overdue
from apps.billing.letters import send_letter
from apps.billing.models import AttemptState, DunningNotice, Invoice, InvoiceKind, PaymentAttempt, State
from apps.billing.models.invoices import OPEN
from apps.billing.settling import locked_invoice
from apps.contracts.agreeing import suspend, today_of, version_of
from apps.contracts.models import IN_FORCE
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_center

log = logging.getLogger(__name__)


def dun(*, now: datetime) -> int:
    """See to all invoices that are past due; how many reminders were mailed. Several workers may run it."""
    with as_center():
        late = Invoice.objects.filter(
            state__in=OPEN, kind=InvoiceKind.INVOICE, due_on__lte=now.date() + timedelta(days=1)
        )
        due = [
            Invoice(pk=pk, facility_id=facility) for pk, facility in late.order_by("pk").values_list("pk", "facility")
        ]
    return sum(_dun(invoice, now=now) for invoice in due)


def _dun(invoice: Invoice, *, now: datetime) -> bool:
    """Outputs stop whether or not the mail server takes the reminder."""
    try:
        with as_center():
            held = locked_invoice(invoice, waits=False)
            today = today_of(held.contract, now)
            if not _is_overdue(held, today):
                return False
            if held.state == State.FINALIZED:
                become_overdue(held, now=now)
            _stop_outputs(held, today, now)
        with as_center():
            return _remind(locked_invoice(invoice, waits=False), today, now)
    except Invoice.DoesNotExist:
        return False
    except OSError as error:  # smtplib's errors are such
        log.error("Invoice %s could not be reminded of: %s", invoice.pk, type(error).__name__)  # noqa: TRY400
        return False


def _is_overdue(invoice: Invoice, today: date) -> bool:
    """Not while a card is being charged for it."""
    if invoice.state not in OPEN or invoice.due_on is None or invoice.due_on >= today:
        return False
    begun = PaymentAttempt.objects.filter(facility_id=invoice.facility_id, invoice=invoice, state=AttemptState.BEGUN)
    return not begun.exists()


def _stop_outputs(invoice: Invoice, today: date, now: datetime) -> None:
    day, contract = stops_on(invoice), invoice.contract
    if day and today >= day and contract.state in IN_FORCE and not contract.is_suspended:
        suspend(contract, actor=SYSTEM, now=now)


def _remind(invoice: Invoice, today: date, now: datetime) -> bool:
    """The latest reminder that is due, if it was not mailed: after a pause not all that were missed."""
    step = _step(invoice, today)
    reminded = DunningNotice.objects.filter(facility_id=invoice.facility_id, invoice=invoice, step__gte=step)
    if not step or invoice.state not in OPEN or reminded.exists():
        return False
    DunningNotice.objects.create(facility_id=invoice.facility_id, invoice=invoice, step=step, sent_at=now)
    record("invoice.reminded", actor=SYSTEM, object_type="invoice", object_id=invoice.pk,
           facility_id=invoice.facility_id, step=step)  # fmt: skip
    link = settings.PUBLIC_URL + reverse("portal:card", kwargs={"facility_slug": invoice.facility.slug})
    with in_words_of(None, invoice.facility):
        send_letter(
            invoice, subject=_("Reminder") if step == 1 else _("Reminder %d") % step, template="billing/reminder",
            step=step, stops_on=stops_on(invoice), is_suspended=invoice.contract.is_suspended, link=link,
        )  # fmt: skip
    return True


def _step(invoice: Invoice, today: date) -> int:
    """How many of the contract's reminders are due by a day."""
    assert invoice.due_on
    late = (today - invoice.due_on).days
    return sum(days <= late for days in reminder_days(invoice))


def stops_on(invoice: Invoice) -> date | None:
    """The day on which new outputs stop unless the invoice is paid, if the contract says so."""
    terms = version_of(invoice.contract, on=invoice.due_on) if invoice.due_on else None
    if terms is None or terms.suspend_after_days is None or invoice.due_on is None:
        return None
    return invoice.due_on + timedelta(days=terms.suspend_after_days)
