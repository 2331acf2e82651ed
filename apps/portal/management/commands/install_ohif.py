"""`manage.py install_ohif`: the OHIF viewer, which nothing else needs (make viewer)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.portal.ohif_package import PACKAGE, VERSION, OhifNotInstallable, install


class Command(BaseCommand):
    help = "Install the OHIF viewer from npm; clinics can open studies in it from then on"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            folder = install()
        except OhifNotInstallable as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{PACKAGE} {VERSION} is installed in {folder}")
