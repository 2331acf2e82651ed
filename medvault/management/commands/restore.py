"""`manage.py restore`: a backup into an empty installation, verified."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import DomainError
from medvault.backup.restoring import Restored, restore
from medvault.bootstrap import CannotBootstrap
from medvault.embedded.services import embedded_services


class Command(BaseCommand):
    help = "Restore a backup into an empty database; nothing of MedVault may run meanwhile"
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="the folder that manage.py backup has written to")
        parser.add_argument("--identity", type=Path, required=True, help="file of age-keygen that opens the keys")
        parser.add_argument("--dump", default="", help="the name of an earlier dump; default: the latest")

    def handle(self, *args: Any, **options: Any) -> None:
        for service in embedded_services(settings.ENV):
            service.start()
        try:
            restored = restore(
                options["path"].resolve(), dump=options["dump"], identity=options["identity"].read_text(),
                report=self.stdout.write,
            )  # fmt: skip
        except (DomainError, CannotBootstrap, OSError) as error:
            raise CommandError(str(error)) from error
        self._tell(restored)

    def _tell(self, restored: Restored) -> None:
        found = restored.verified
        self.stdout.write(
            f"Verified: {found.packs} packs, {found.receipts} receipts, {found.certificates} deletion certificates"
        )
        for number, why in restored.redone.refused.items():
            self.stdout.write(f"Deletion {number} is not repeated: {why}")
        self.stdout.write("Nothing goes out by itself until manage.py resume: see docs/operations.md, After a restore")
        if not found.is_well:
            names = "\n".join(found.damaged[:20])
            raise CommandError(
                f"{len(found.damaged)} copies are not whole, {found.unsigned} signatures do not verify\n{names}",
                returncode=3,
            )
