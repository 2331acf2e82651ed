"""`manage.py check_object_lock`: whether the vault's buckets really keep what is locked."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.vault.object_lock import probe_locks


class Command(BaseCommand):
    help = "Try whether a locked object can be deleted or its lock shortened; fails where it can"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            probes = probe_locks(now=database_now())
        except DomainError as error:
            raise CommandError(error.message) from error
        for probe in probes:
            self.stdout.write(f"{probe.alias}: {'locks' if probe.holds else probe.problem or 'has no Object Lock'}")
        if not probes:
            self.stdout.write("The vault lies in folders, which lock nothing")
        if any(probe.problem for probe in probes):
            raise CommandError("Packs in this bucket can be deleted early by whoever has its keys")
