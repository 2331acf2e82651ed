"""`manage.py demo`: everything on this machine, with two invented clinics."""

import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from medvault.bootstrap import bootstrap_roles, migrate
from medvault.demo.live import AE_TITLE, terminal_programs
from medvault.demo.seed import SIGN_INS, seed
from medvault.embedded.services import embedded_services
from medvault.embedded.sockets import EmbeddedServiceError
from medvault.processes import Supervisor, programs

READY_TIMEOUT_S = 180  # a busy machine is slow, not broken


class Command(BaseCommand):
    help = "Run MedVault with demonstration data, every process of it, and a clinic's terminal. Ctrl-C stops all of it."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        _require_free_port(settings.ENV.port, "PORT")
        _require_free_port(settings.ENV.dicom_port, "DICOM_PORT")
        supervisor = Supervisor(settings.HOME / "logs", self.stdout.write)
        supervisor.listen()
        # Staff of the demonstration have no second factor yet; what this process starts inherits the exception.
        os.environ.setdefault("STAFF_SECOND_FACTOR", "false")
        services = embedded_services(settings.ENV)
        try:
            for service in services:
                service.start()
            self._prepare()
            shutil.rmtree(settings.METRICS_FOLDER, ignore_errors=True)  # of processes that are gone
            for program in programs(settings.ENV):
                supervisor.start(program)
            _wait_until_ready(settings.PUBLIC_URL)
            seed(settings.PUBLIC_URL, report=self.stdout.write)
            for program in terminal_programs(settings.HOME, settings.PUBLIC_URL, port=_free_port()):
                supervisor.start(program)
            self._welcome()
            supervisor.watch()
        except KeyboardInterrupt:
            self.stdout.write("Stopping")
        except EmbeddedServiceError as error:
            raise CommandError(str(error)) from error
        finally:
            supervisor.stop()
            for service in reversed(services):
                service.stop()

    def _prepare(self) -> None:
        self.stdout.write(f"Preparing {settings.HOME}")
        bootstrap_roles(settings.ENV)
        migrate(verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)

    def _welcome(self) -> None:
        self.stdout.write(f"\nMedVault is ready at {settings.PUBLIC_URL}\n")
        for sign_in in SIGN_INS:
            self.stdout.write(f"  {sign_in.email:34}{sign_in.password:22}{sign_in.who}")
        self.stdout.write(f"\n  Staff enter at {settings.PUBLIC_URL}/admin/.")
        self.stdout.write(
            f"  DICOM: {settings.DICOM_AE_TITLE} on port {settings.DICOM_PORT}, from AE title {AE_TITLE}."
        )
        self.stdout.write("  Ctrl-C stops everything.\n")
        self.stdout.flush()


def _require_free_port(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(f"Port {port} is taken; choose another with {variable}=…") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310 our own address
                return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                raise CommandError(f"The web process did not become ready: {error}; see logs/web.log") from error
        time.sleep(0.1)
