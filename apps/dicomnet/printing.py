"""Film that is to be printed: a worker sends sheet after sheet to the printer, and notes each that came out.

Before a sheet is printed it is noted as being sent; who dies or hears nothing then leaves it in doubt, and staff look
(orders.printing). So no sheet is printed twice by mistake, and none is left out.
"""

import logging
from contextlib import suppress

from apps.core.clock import database_now
from apps.dicomnet.film_session import FAILURE, FilmSession, PrintFailed, Told, Unanswered
from apps.dicomnet.sending import Unreachable
from apps.facilities.tenancy import as_center
from apps.orders.models import Printer, PrintJob
from apps.orders.outputs import opened
from apps.orders.printing import NoLongerWanted, NotOurs, claim_job, finish_job, keep_job, note_status, stop_job
from apps.orders.sheets.film_file import Film

log = logging.getLogger(__name__)


def print_due() -> int:
    """Print what is due; returns how many jobs were finished. Any number of workers may."""
    finished = 0
    while job := _claimed():
        finished += _attempt(job)
    return finished


def ask_printer(printer: Printer) -> Told:
    """What it says of itself; if it does not answer, no status and why. Kept with it."""
    try:
        with FilmSession(printer) as session:
            told = session.ask()
    except (Unreachable, PrintFailed) as error:
        told = Told("", error.message)
    _note(printer, told)
    return told


def _claimed() -> PrintJob | None:
    with as_center():
        return claim_job(now=database_now())


def _attempt(job: PrintJob) -> bool:
    """Whether the whole job was printed; if not, the problem is noted with it."""
    try:
        _print(job)
    except NotOurs:
        return False
    except Unanswered as error:
        problem = f"{error.message}. Look whether sheet {job.sending} came out"
    except (PrintFailed, Unreachable, NoLongerWanted) as error:
        job.sending, problem = None, error.message
    except Exception:  # what nobody has thought of: the sheet that was being sent stays in doubt
        log.exception("Print job %s stopped", job.pk)
        problem = "It broke off"
    else:
        return True
    log.warning("Print job %s stopped: %s", job.pk, problem)
    with suppress(NotOurs), as_center():
        stop_job(job, problem=problem)
    return False


def _print(job: PrintJob) -> None:
    """Raises PrintFailed, Unreachable, NotOurs, and what reading the file raises."""
    with opened(job.output) as file:
        film = Film(file)
        with FilmSession(job.printer, is_colour=film.is_colour and job.printer.is_colour) as session:
            _require_well(job.printer, session.ask())
            session.begin(
                copies=film.options["copies"],
                is_urgent=job.order.is_urgent,
                medium_type=job.medium_type,
                label=str(job.order),
            )
            for number in range(job.printed + 1, len(film) + 1):
                _print_sheet(job, film, session, number)
    with as_center():
        finish_job(job, now=database_now())


def _print_sheet(job: PrintJob, film: Film, session: FilmSession, number: int) -> None:
    film_box = session.fill(film.layout, film.sheet(number))
    job.sending = number
    _keep(job)
    session.print(film_box)
    job.printed, job.sending = number, None
    _keep(job)
    session.drop(film_box)


def _require_well(printer: Printer, told: Told) -> None:
    _note(printer, told)
    if told.status == FAILURE:
        raise PrintFailed(f"The printer reports a failure: {told.info or '?'}")


def _keep(job: PrintJob) -> None:
    with as_center():
        keep_job(job, now=database_now())


def _note(printer: Printer, told: Told) -> None:
    with as_center():
        note_status(printer, told.status, told.info, now=database_now())
