"""Printing film, as staff see it: on which printer, how far it is, and what is to be asked where that is not known.

A worker of the DICOM network drives the printer (dicomnet.printing); the table is its queue.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor, record
from apps.core.errors import DomainError
from apps.orders.errors import IllegalTransition, NotPrinted, SheetInDoubt, UnfitPrinter
from apps.orders.models import Order, OrderKind, Output, Printer, PrintJob, State
from apps.orders.outputs import latest
from apps.orders.steps import held

SENT_BACK = "The order was sent back meanwhile"
HELD_FOR = timedelta(minutes=10)
"""So long a worker may be silent over a sheet before another one takes the job."""


class NoLongerWanted(DomainError):
    """The order was sent back while it was printed."""

    code = "no_longer_wanted"


class NotOurs(DomainError):
    """A worker was silent for too long, and the job was taken by another one."""

    code = "not_ours"


def start_printing(
    order: Order, *, printer: Printer, medium_type: str, by: User, actor: Actor, now: datetime
) -> PrintJob:
    """Have all sheets of a ready order printed, within the caller's transaction. Raises IllegalTransition,
    UnfitPrinter.
    """
    current = held(order)
    if current.kind != OrderKind.FILM or current.state != State.READY:
        raise IllegalTransition(_("Film is printed when it is ready, and before it is dispatched"))
    if is_printing(current):
        raise IllegalTransition(_("It is being printed already"))
    _require_fit(printer, current, medium_type)
    job = PrintJob.objects.create(
        facility_id=current.facility_id, order=current, output=_output(current), printer=printer,
        medium_type=medium_type, requested_at=now, requested_by=by, next_at=now,
    )  # fmt: skip
    _note(job, "requested", actor=actor)
    return job


def go_on_printing(
    order: Order, *, printer: Printer, medium_type: str, came_out: bool | None, by: User, actor: Actor, now: datetime
) -> None:
    """Print the sheets that are missing, on whichever printer; `came_out`: whether the one in doubt did.

    Within the caller's transaction. Raises IllegalTransition, SheetInDoubt, UnfitPrinter.
    """
    current = held(order)
    job = stopped_job(current)
    if job is None or current.state != State.READY:
        raise IllegalTransition(_("There is no print job that has stopped"))
    _require_fit(printer, current, medium_type)
    if job.sending is not None and came_out is None:
        raise SheetInDoubt(_("Say whether sheet %(number)d came out: it is not known here") % {"number": job.sending})
    if job.sending is not None and came_out:
        job.printed = job.sending
    _write(
        job,
        now,
        printed=job.printed,
        sending=None,
        printer=printer,
        medium_type=medium_type,
        problem="",
        requested_by=by,
    )
    _note(job, "continued", actor=actor, came_out=came_out)


def is_printing(order: Order) -> bool:
    """Whether what was produced last has a print job that is not done."""
    return _jobs(order).filter(printed_at=None).exists()


def stopped_job(order: Order) -> PrintJob | None:
    """The job of what was produced last that waits for staff."""
    return _jobs(order).filter(printed_at=None, next_at=None).first()


def require_printed(order: Order) -> None:
    """Raises NotPrinted: a film order is dispatched when all its sheets came out."""
    if order.kind == OrderKind.FILM and not _jobs(order).filter(printed_at__isnull=False).exists():
        raise NotPrinted(_("It has not been printed yet"))


def claim_job(*, now: datetime) -> PrintJob | None:
    """A job that is due, taken for a while, within the caller's transaction. One over which a worker died is not taken
    again where a sheet is in doubt: staff look first.
    """
    due = PrintJob.objects.filter(next_at__lte=now, printed_at=None)
    found = due.select_for_update(skip_locked=True, of=("self",)).select_related("order__facility", "output", "printer")
    for job in found.order_by("next_at", "pk"):
        if job.sending is None and _is_wanted(job):
            keep_job(job, now=now)
            return job
        stop_job(job, problem=_why_not(job))
    return None


def keep_job(job: PrintJob, *, now: datetime) -> None:
    """The worker is alive, and this far. Raises NotOurs; and NoLongerWanted, before a sheet is sent for nobody."""
    if job.sending is not None and not PrintJob.objects.filter(pk=job.pk, order__state=State.READY).exists():
        raise NoLongerWanted(SENT_BACK)
    _write(job, now + HELD_FOR, printed=job.printed, sending=job.sending)


def stop_job(job: PrintJob, *, problem: str) -> None:
    """It waits for staff, with the problem. Raises NotOurs."""
    _write(job, None, printed=job.printed, sending=job.sending, problem=problem[:300])
    _note(job, "stopped", actor=SYSTEM, sheets=job.printed, is_in_doubt=job.sending is not None)


def finish_job(job: PrintJob, *, now: datetime) -> None:
    """All sheets came out. Raises NotOurs."""
    _write(job, None, printed=job.printed, sending=None, printed_at=now)
    _note(job, "printed", actor=SYSTEM, sheets=job.printed)


def note_status(printer: Printer, status: str, info: str, *, now: datetime) -> None:
    """What the printer tells of itself."""
    printer.status, printer.status_info, printer.looked_at = status[:16], info[:100], now
    printer.save(update_fields=["status", "status_info", "looked_at"])


def _write(job: PrintJob, next_at: datetime | None, **changes: Any) -> None:
    """Note where it stands, as long as no other worker has taken it."""
    mine = PrintJob.objects.filter(facility_id=job.facility_id, pk=job.pk, next_at=job.next_at)
    if not mine.update(next_at=next_at, **changes):
        raise NotOurs(_("Another worker has the print job"))
    job.next_at = next_at


def _jobs(order: Order) -> QuerySet[PrintJob]:
    """Of what was produced last: what was sent back is not what was printed."""
    return PrintJob.objects.filter(facility_id=order.facility_id, order=order, output__in=latest())


def _output(order: Order) -> Output:
    return latest().get(facility_id=order.facility_id, order=order)


def _require_fit(printer: Printer, order: Order, medium_type: str) -> None:
    if not printer.is_enabled:
        raise UnfitPrinter(_("The printer is switched off"))
    if order.options["size"] not in printer.film_sizes:
        raise UnfitPrinter(_("The printer does not have film of this size"))
    if medium_type not in printer.medium_types:
        raise UnfitPrinter(_("The printer does not have this medium"))


def _is_wanted(job: PrintJob) -> bool:
    return job.order.state == State.READY and latest().filter(pk=job.output_id).exists()


def _why_not(job: PrintJob) -> str:
    if job.sending is not None:
        return f"It broke off while sheet {job.sending} was printed: look whether it came out"
    return SENT_BACK


def _note(job: PrintJob, verb: str, *, actor: Actor, **details: object) -> None:
    record(f"print_job.{verb}", actor=actor, object_type="order", object_id=job.order_id, facility_id=job.facility_id,
           printer=job.printer_id, **details)  # fmt: skip
