"""`manage.py run web`: one process of an installation, in place of this one, as supervisors start it."""

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from medvault.env import PROJECT
from medvault.processes import programs


class Command(BaseCommand):
    help = "Become one process of MedVault: web, gateway, worker or beat"
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=[program.name for program in programs(settings.ENV)])
        parser.add_argument("arguments", nargs="*", help="further ones, behind --: run worker -- -Q ingest -c 4")

    def handle(self, *args: Any, **options: Any) -> None:
        [program] = [each for each in programs(settings.ENV) if each.name == options["name"]]
        os.chdir(PROJECT)
        command = [str(Path(sys.executable).parent / program.arguments[0]), *program.arguments[1:]]
        os.execv(command[0], [*command, *options["arguments"]])  # noqa: S606 that is what it is for
