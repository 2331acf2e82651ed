"""`manage.py receive_media PATH --facility SLUG --operator NAME --serial SERIAL`: receive a medium."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from apps.audit.record import Actor
from apps.collection.media.receive import FILES_IN_BATCH, MediumReceived, Progress, receive_media
from apps.collection.models import Outcome, ReceptionRecord, State
from apps.core.errors import DomainError
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.errors import DigestMismatch, VaultUnavailable

TO_BE_LOOKED_AT, INTERRUPTED = 3, 130
NO_IMAGE = {"not_dicom", "dicomdir", "empty"}
_RUN_AGAIN = "What was stored stays stored; run this again to complete it"
_EPILOG = """\
What is received becomes one collection. Run it again after an interruption: what is stored already counts as such.

exit status:
  0  every file was stored, was stored already, or is no DICOM image and was skipped
  1  nothing could be received, or receiving ended early (130: by Ctrl-C)
  3  received, but files are in conflict or in quarantine, which staff look at, or could not be read from the medium

A replica that cannot be reached is a warning, not a failure: copying is repeated until it succeeds.
"""


class Command(BaseCommand):
    help = "Receive a folder, a ZIP archive, a DICOMDIR or one DICOM file for a facility"

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = _EPILOG
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a folder, a ZIP archive, a DICOMDIR or one DICOM file")
        parser.add_argument("--facility", required=True, metavar="SLUG", help="the facility's address name")
        parser.add_argument("--operator", required=True, metavar="NAME", help="who receives")
        parser.add_argument("--serial", required=True, help="serial number of the medium")

    def handle(
        self, *args: Any, path: Path, facility: str, operator: str, serial: str, verbosity: int = 1, **options: Any
    ) -> None:
        _require("operator", operator, "operator")
        _require("serial", serial, "medium_serial")
        console = Console(highlight=False, soft_wrap=True, quiet=verbosity == 0)
        try:
            with _shown(console) as on_progress:
                received = receive_media(
                    facility=_facility(facility),
                    path=path,
                    operator=operator,
                    serial=serial,
                    actor=Actor("operator", operator),
                    on_progress=on_progress,
                )
        except (VaultUnavailable, DigestMismatch) as error:
            raise CommandError(f"{error.message}. {_RUN_AGAIN}") from error
        except DomainError as error:
            raise CommandError(error.message) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database went away. {_RUN_AGAIN}") from error
        except OSError as error:
            raise CommandError(f"Receiving ended early: {error.strerror}. {_RUN_AGAIN}") from error
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted. {_RUN_AGAIN}", returncode=INTERRUPTED) from None
        _print_summary(console, received)
        if received.collection.state == State.FAILED:
            raise CommandError("Nothing was stored: no file could be read as a DICOM image")
        unread = [code for outcome, code in received.reasons if outcome == Outcome.SKIPPED and code not in NO_IMAGE]
        if unread or received.collection.conflict_count or received.collection.quarantined_count:
            raise SystemExit(TO_BE_LOOKED_AT)


def _require(option: str, value: str, field: str) -> None:
    longest = getattr(ReceptionRecord._meta.get_field(field), "max_length", 0)
    if not 0 < len(value.strip()) <= longest:
        raise CommandError(f"--{option} takes 1 to {longest} characters")


def _facility(slug: str) -> Facility:
    with as_center():
        facility = Facility.objects.filter(slug=slug).first()
    if facility is None:
        raise CommandError(f"There is no facility {slug!r}")
    return facility


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on a terminal, a line for every batch elsewhere; how much there is to come is not known."""
    if not console.is_terminal:
        yield _lines(console)
        return
    bar = Bar(
        TextColumn("{task.fields[files]:,} files"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=console.quiet,
    )
    with bar:
        task = bar.add_task("", total=None, files=0)
        yield lambda progress: bar.update(task, completed=progress.size_bytes, files=progress.files)


def _lines(console: Console) -> Callable[[Progress], None]:
    told = 0

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.files >= told + FILES_IN_BATCH:
            told = progress.files
            console.print(f"{progress.files:,} files, {progress.size_bytes:,} bytes read")

    return tell


def _print_summary(console: Console, received: MediumReceived) -> None:
    """Counts and reasons; names on a medium can be names of patients and are not printed."""
    collection = received.collection
    table = Table(title=f"Collection {collection}: {collection.get_state_display()}", title_justify="left")
    table.add_column("Files", justify="right")
    table.add_column("Outcome")
    table.add_column("Reason")
    order = list(Outcome)
    for (outcome, code), count in sorted(
        received.reasons.items(), key=lambda entry: (order.index(entry[0][0]), -entry[1], entry[0][1])
    ):
        table.add_row(f"{count:,}", str(outcome.label), code.replace("_", " "))
    table.add_section()
    table.add_row(f"{collection.file_count:,}", "Received", f"{collection.size_bytes:,} bytes")
    console.print(table)
    if collection.state == State.STORED:
        console.print("Everything that was kept is stored in both places.")
    elif collection.state == State.RECEIVED:
        console.print(
            "Warning: stored in one place so far. The replica could not be written; copying is repeated until it can."
        )
