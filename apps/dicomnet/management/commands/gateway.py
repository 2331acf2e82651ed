"""Run the DICOM network service."""

import os
import socket
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.dicomnet.front import BACKLOG, Front, Limits
from apps.dicomnet.gateway import pack, work


class Command(BaseCommand):
    help = "Receive image sets over the DICOM network until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="", help="address to listen on; default: every one")
        parser.add_argument("--port", type=int, default=settings.DICOM_PORT)
        parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1), help="processes")

    def handle(self, *args: Any, **options: Any) -> None:
        listeners = {self._listening(options["host"], options["port"]): False}
        limits = Limits(in_all=settings.DICOM_MAX_ASSOCIATIONS, per_address=settings.DICOM_MAX_ASSOCIATIONS_PER_PEER)
        front = Front(listeners, workers=options["workers"], limits=limits, serve=partial(work, tls=None), pack=pack)
        self.stdout.write(f"The DICOM gateway listens on port {options['port']}, AE title {settings.DICOM_AE_TITLE}")
        self.stdout.flush()
        front.run()

    @staticmethod
    def _listening(host: str, port: int) -> socket.socket:
        try:
            if host:
                return socket.create_server((host, port), backlog=BACKLOG)
            if socket.has_dualstack_ipv6():
                return socket.create_server(("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
            return socket.create_server(("", port), backlog=BACKLOG)
        except OSError as error:
            raise CommandError(f"Port {port} cannot be listened on: {error.strerror}") from error
