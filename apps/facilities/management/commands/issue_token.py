"""`manage.py issue_token SLUG --scope SCOPE…`: a new device token, printed alone."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.facilities.tokens import issue_token


class Command(BaseCommand):
    help = "Issue a device token for a facility and print it; it cannot be shown again"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the facility's address name")
        parser.add_argument("--scope", action="append", required=True, choices=Scope.values, help="may be repeated")
        parser.add_argument("--label", default="Issued on the command line", help="what staff will see")
        parser.add_argument("--expires", type=int, metavar="DAYS", help="end of validity; default: none")

    def handle(self, *args: Any, slug: str, scope: list[str], label: str, expires: int | None, **options: Any) -> str:
        with as_center():
            facility = Facility.objects.filter(slug=slug).first()
        if facility is None:
            raise CommandError(f"There is no facility {slug!r}")
        expires_at = timezone.now() + timedelta(days=expires) if expires else None
        scopes = [Scope(each) for each in scope]
        _, secret = issue_token(facility, label=label, scopes=scopes, actor=SYSTEM, expires_at=expires_at)
        return secret
