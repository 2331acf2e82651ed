"""`manage.py rebuild_catalog`: file every pack of the vault that the database does not know."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.collection.rebuilding import rebuild_catalog
from apps.facilities.tenancy import as_center
from apps.retention.models import Disposition, State
from apps.retention.redoing import deleted_packs


class Command(BaseCommand):
    help = "Rebuild the catalog from packs alone, after the database was lost; safe to repeat"

    def handle(self, *args: Any, **options: Any) -> None:
        rebuilt = rebuild_catalog(passing_over=_being_deleted() | deleted_packs())
        self.stdout.write(f"{rebuilt.packs} packs with {rebuilt.files} files were filed")
        if rebuilt.unfiled:
            self.stderr.write(
                f"{rebuilt.unfiled} packs were filed by hand under a study that no pack has, or under two"
            )
        if rebuilt.damaged:
            raise CommandError(f"{rebuilt.damaged} packs are damaged in both places and were left as they are")


def _being_deleted() -> set[str]:
    with as_center():
        contents = Disposition.objects.filter(state=State.DELETING).values_list("contents", flat=True)
        return {pack["name"] for content in contents for pack in content["packs"]}
