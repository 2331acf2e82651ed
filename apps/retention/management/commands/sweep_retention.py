"""`manage.py sweep_retention [--as-of YYYY-MM-DD --dry-run] [--trust-clock]`: what is due now, or what would be."""

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from apps.core.clock import database_now
from apps.facilities.tenancy import as_center
from apps.retention.errors import ClocksDiffer
from apps.retention.forecasting import Forecast, end_of, forecast
from apps.retention.sweep import Swept, sweep

CLOCKS, USAGE = 1, 2
_EPILOG = """\
A day is given to dry runs alone: what really ends goes by the database's clock.

exit status:
  0  swept, or the dry run was printed; what could not be swept is counted, logged, and tried again by the next sweep
  1  the clocks differ, or time has leapt since the last sweep; nothing was done
  2  an option is unknown, or given without the one it needs
"""


class Command(BaseCommand):
    help = "Find what has expired, notify facilities, take silence for what was agreed, and delete what was approved"

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = _EPILOG
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print what a sweep would do, and do nothing")
        parser.add_argument("--as-of", type=_day, metavar="YYYY-MM-DD", help="the day of a dry run; default: today")
        parser.add_argument(
            "--trust-clock", action="store_true", help="the time that has passed since the last sweep really has"
        )

    def handle(self, *args: Any, dry_run: bool, as_of: date | None, trust_clock: bool, **options: Any) -> None:
        if as_of and not dry_run:
            raise CommandError("--as-of is for --dry-run: what really ends goes by the clock", returncode=USAGE)
        console = Console(highlight=False, soft_wrap=True, file=self.stdout)  # type: ignore[arg-type]
        if dry_run:
            with as_center():
                console.print(_table(forecast(end_of(as_of) if as_of else database_now())))
            return
        try:
            swept = sweep(trusts_clock=trust_clock)
        except ClocksDiffer as error:
            raise CommandError(error.message, returncode=CLOCKS) from error
        console.print(_sentence(swept))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no day like 2027-04-01") from error


def _table(found: list[Forecast]) -> Table:
    table = Table(title="A sweep would", title_justify="left", show_footer=True)
    table.add_column("facility", "in all")
    for name in ("expired", "stepped", "deleted"):
        total = sum(getattr(each, name) for each in found)
        table.add_column({"expired": "expire", "stepped": "step", "deleted": "delete"}[name], f"{total:,}",
                         justify="right")  # fmt: skip
    for each in found:
        table.add_row(each.facility.slug, f"{each.expired:,}", f"{each.stepped:,}", f"{each.deleted:,}")
    return table


def _sentence(swept: Swept) -> str:
    return (
        f"{swept.expired:,} expired, {swept.stepped:,} stepped, {swept.deleted:,} deleted, {swept.failed:,} failed and "
        "are tried again"
    )
