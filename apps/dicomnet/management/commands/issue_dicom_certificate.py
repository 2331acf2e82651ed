"""`manage.py issue_dicom_certificate SLUG AE_TITLE FOLDER`: a TLS certificate for a facility's DICOM node."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.collection.models import Terminal
from apps.dicomnet.certificates import issue_certificate
from apps.facilities.tenancy import as_center


class Command(BaseCommand):
    help = "Issue a TLS certificate for a terminal: key.pem, certificate.pem and authority.pem in a folder"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the facility's address name")
        parser.add_argument("ae_title", help="the terminal's AE title")
        parser.add_argument("folder", type=Path, help="made if need be; only its user can read the key")

    def handle(self, *args: Any, slug: str, ae_title: str, folder: Path, **options: Any) -> None:
        with as_center():
            terminals = Terminal.objects.filter(facility__slug=slug, ae_title=ae_title, retired_at=None)
            terminal = terminals.first()
        if terminal is None:
            raise CommandError(f"The facility {slug!r} has no terminal with the AE title {ae_title!r}")
        issued = issue_certificate(terminal, actor=SYSTEM, now=timezone.now())
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "certificate.pem").write_bytes(issued.certificate)
        (folder / "authority.pem").write_bytes(issued.authority)
        with os.fdopen(os.open(folder / "key.pem", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(issued.key)
        self.stdout.write(f"The terminal is known by this certificate alone from now on: {folder}")
