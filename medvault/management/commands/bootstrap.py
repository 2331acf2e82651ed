"""`manage.py bootstrap`: roles, database and tables, on the server that the environment names or the embedded one."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from medvault.bootstrap import CannotBootstrap, bootstrap_roles, migrate
from medvault.embedded.services import embedded_services


class Command(BaseCommand):
    help = "Make the database roles, the database and its tables; safe to repeat"
    requires_system_checks = ()

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        for service in embedded_services(settings.ENV):
            service.start()
        try:
            bootstrap_roles(settings.ENV)
        except CannotBootstrap as error:
            raise CommandError(str(error)) from error
        migrate(verbosity)
