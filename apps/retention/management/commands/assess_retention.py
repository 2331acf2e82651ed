"""`manage.py assess_retention [--facility SLUG]`: have the storage periods of all studies assessed again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.assessment_queue import request_assessment_of_facilities


class Command(BaseCommand):
    help = "Ask for the storage periods of all studies to be assessed again; a worker does it within a minute or so"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--facility", metavar="SLUG", help="this facility's studies alone")

    def handle(self, *args: Any, facility: str | None, **options: Any) -> str:
        facilities = Facility.objects.filter(slug=facility) if facility else Facility.objects.all()
        with as_center():
            keys = list(facilities.values_list("pk", flat=True))
            request_assessment_of_facilities(keys)
        if facility and not keys:
            raise CommandError(f"There is no facility {facility!r}")
        return f"The studies of {len(keys):,} facilities are to be assessed again"
