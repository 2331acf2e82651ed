"""Run the DICOM network service."""

import os
import socket
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from apps.dicomnet.certificates import server_context
from apps.dicomnet.front import BACKLOG, Front, Limits
from apps.dicomnet.gateway import pack, report, work


class Command(BaseCommand):
    help = "Receive image sets over the DICOM network until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="", help="address to listen on; default: every one")
        parser.add_argument("--port", type=int, default=settings.DICOM_PORT)
        parser.add_argument("--tls-port", type=int, default=settings.DICOM_TLS_PORT, help="default: no TLS")
        parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1), help="processes")

    def handle(self, *args: Any, **options: Any) -> None:
        listeners = {self._listening(options["host"], options["port"]): False}
        tls = None
        if options["tls_port"]:
            listeners[self._listening(options["host"], options["tls_port"])] = True
            tls = server_context()
        for connection in connections.all(initialized_only=True):  # none may be shared with the children
            connection.close()
        front = Front(
            listeners,
            workers=options["workers"],
            limits=Limits(in_all=settings.DICOM_MAX_ASSOCIATIONS, per_address=settings.DICOM_MAX_ASSOCIATIONS_PER_PEER),
            serve=partial(work, tls=tls),
            background=[pack, report],
        )
        ports = f"port {options['port']}" + (f" and, with TLS, {options['tls_port']}" if tls else "")
        self.stdout.write(f"The DICOM gateway listens on {ports}; AE title {settings.DICOM_AE_TITLE}")
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
