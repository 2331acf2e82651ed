"""`manage.py verify_vault [--facility SLUG] [--all]`: read packs again now, and repair what can be."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from rich.console import Console
from rich.table import Table

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.budget import Budget
from apps.vault.fixity import Sweep, sweep
from apps.vault.models import Finding
from apps.vault.standing import not_read_in_time

FOUND, UNAVAILABLE = 1, 3
_EPILOG = """\
exit status:
  0  every copy that was read is what was stored, and nothing found before is still open
  1  something was found now, repaired or not, or is still open
  3  a place was not available, so that nothing is known of what was not read
"""


class Command(BaseCommand):
    help = "Read packs again in both places, compare them with their digests, and repair one copy from the other"

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = _EPILOG
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--facility", metavar="SLUG", help="this facility's packs alone")
        parser.add_argument("--all", action="store_true", help="every pack, not only those that are due")

    def handle(self, *args: Any, facility: str | None, verbosity: int = 1, **options: Any) -> None:
        only = _facility(facility) if facility else None
        with as_center():
            run = Sweep.of(facility=only, is_all=options["all"])
        sweep(run, Budget())
        with as_center():
            still = _open(only)
            count = still.count()
            late = not_read_in_time(run.begun_at)
            late_count = (late.filter(facility=only) if only else late).count()
        _print(Console(highlight=False, soft_wrap=True, quiet=verbosity == 0), run, open_count=count, late=late_count)
        if run.unavailable:
            raise CommandError(run.unavailable, returncode=UNAVAILABLE)
        if run.found or count:
            raise SystemExit(FOUND)


def _facility(slug: str) -> Facility:
    with as_center():
        facility = Facility.objects.filter(slug=slug).first()
    if facility is None:
        raise CommandError(f"There is no facility {slug!r}")
    return facility


def _open(only: Facility | None) -> QuerySet[Finding]:
    found = Finding.objects.filter(resolved_at=None)
    return found.filter(facility=only) if only else found


def _print(console: Console, run: Sweep, *, open_count: int, late: int) -> None:
    table = Table(title="Packs read in both places", title_justify="left", show_header=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_row(f"{run.packs:,}", f"packs, {run.size_bytes:,} bytes")
    table.add_row(f"{len(run.found):,}", "copies or records found damaged now")
    table.add_row(f"{run.repaired:,}", "copies repaired")
    table.add_row(f"{open_count:,}", "findings still open")
    table.add_row(f"{late:,}", "packs not read in time")
    console.print(table)
