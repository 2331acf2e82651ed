"""`manage.py run_billing --period YYYY-MM [--dry-run]`: the invoices of a month, or what they would be."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from apps.billing.run import Outlook, Run, run_billing
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.core.money import formatted


def month(text: str) -> date:
    """The first day of YYYY-MM."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 a month has no time zone
    except ValueError:
        raise ArgumentTypeError("a month is written like 2026-04") from None


class Command(BaseCommand):
    help = "Make the invoices of a month that is over; safe to repeat, to kill, and to run twice at once"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--period", type=month, required=True, metavar="YYYY-MM", help="the month")
        parser.add_argument("--dry-run", action="store_true", help="print what the invoices would be, write nothing")

    def handle(self, *args: Any, period: date, dry_run: bool, **options: Any) -> None:
        console = Console(highlight=False, soft_wrap=True, file=self.stdout)  # type: ignore[arg-type]
        try:
            run = run_billing(period, as_of=database_now(), dry_run=dry_run)
        except DomainError as error:
            raise CommandError(error.message) from error
        if dry_run:
            console.print(_table(run.outlooks))
        console.print(_sentence(run, dry_run=dry_run))
        if run.is_halted:
            raise CommandError("The run is stopped: let it go on first, on the page Billing run of the admin")


def _table(outlooks: list[Outlook]) -> Table:
    table = Table("contract", "facility", title="Before tax", title_justify="left")
    for name in ("invoice", "last month", "difference"):
        table.add_column(name, justify="right")
    table.add_column("parked because")
    for each in outlooks:
        currency = each.contract.currency
        before = "-" if each.before is None else formatted(each.before, currency)
        difference = "-" if each.before is None else formatted(each.net - each.before, currency)
        table.add_row(f"{each.contract}", each.contract.facility.slug, formatted(each.net, currency), before,
                      difference, each.parked_because)  # fmt: skip
    return table


def _sentence(run: Run, *, dry_run: bool) -> str:
    verb = "would be drafted" if dry_run else "drafted"
    parked = "would be parked" if dry_run else "parked"
    return f"{run.period:%Y-%m}: {run.drafted:,} {verb}, {run.parked:,} {parked}, {run.failed:,} failed"
