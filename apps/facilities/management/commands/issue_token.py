"""`manage.py issue_token SLUG --scope SCOPE…`: a new device token, printed alone."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.facilities.models import DeviceToken, Facility, Scope
from apps.facilities.tenancy import as_center
from apps.facilities.tokens import issue_token


class Command(BaseCommand):
    help = "Issue a device token for a facility and print it; it cannot be shown again"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the facility's address name")
        parser.add_argument(
            "--scope", action="extend", nargs="+", required=True, choices=Scope.values, help="one or more; repeatable"
        )
        parser.add_argument("--label", default="Issued on the command line", help="what the facility's owners will see")
        parser.add_argument("--expires", type=int, metavar="DAYS", help="end of validity; default: none")

    def handle(self, *args: Any, slug: str, scope: list[str], label: str, expires: int | None, **options: Any) -> str:
        if expires is not None and expires < 1:
            raise CommandError("--expires takes a number of days, at least 1")
        longest = DeviceToken._meta.get_field("label").max_length or 0
        if len(label) > longest:
            raise CommandError(f"--label takes at most {longest} characters")
        with as_center():
            facility = Facility.objects.filter(slug=slug).first()
        if facility is None:
            raise CommandError(f"There is no facility {slug!r}")
        expires_at = timezone.now() + timedelta(days=expires) if expires else None
        scopes = [each for each in Scope if each in scope]
        _, secret = issue_token(facility, label=label, scopes=scopes, actor=SYSTEM, expires_at=expires_at)
        return secret
