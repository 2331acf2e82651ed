"""`manage.py redo_deletions`: after a restore, delete again what certificates say was deleted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import DomainError
from apps.retention.redoing import redo_deletions


class Command(BaseCommand):
    help = "Delete what deletion certificates in the vault name and a restored database still holds; safe to repeat"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            redone = redo_deletions()
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{redone.certificates} certificates, {redone.deleted} deletions carried out again")
        if redone.refused:
            raise CommandError("\n".join(f"{number} is kept: {why}" for number, why in redone.refused.items()))
