"""`manage.py backup`: the database, the packs, the documents and the sealed keys into a folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.audit.record import SYSTEM, record
from apps.core.errors import DomainError
from apps.facilities.tenancy import as_center
from medvault.backup import BACKED_UP
from medvault.backup.keys import recipient_of
from medvault.backup.making import back_up


class Command(BaseCommand):
    help = "Back the installation up while it runs; packs that are there already are not copied again"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="a folder of another disk, encrypted: it holds patients' images")
        parser.add_argument("--recipient", required=True, help="age1… to which the center's keys are sealed")
        parser.add_argument("--keep", type=int, default=14, help="dumps of the database that remain (14)")
        parser.add_argument("--verify", action="store_true", help="read all packs of the backup again")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] < 1:
            raise CommandError("--keep is at least 1")
        try:
            made = back_up(
                options["path"].resolve(), recipient=recipient_of(options["recipient"]), keep=options["keep"],
                reads_again=options["verify"],
            )  # fmt: skip
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{made.folder}: {made.about.packs} packs, {made.copied} of them copied now")
        if made.missing:
            names = "\n".join(made.missing[:20])
            raise CommandError(f"{len(made.missing)} packs are whole in neither place:\n{names}", returncode=3)
        with as_center():
            record(BACKED_UP, actor=SYSTEM, object_type="backup", object_id="", facility_id=None,
                   packs=made.about.packs, copied=made.copied)  # fmt: skip
