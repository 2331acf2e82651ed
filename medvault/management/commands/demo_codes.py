"""`manage.py demo_codes SLUG`: codes for a collector and a terminal, for the story in docs/edge.md."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit.record import SYSTEM
from apps.collection.enrolment import issue_code
from apps.collection.models import Collector, CollectorFacility, Terminal
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center


class Command(BaseCommand):
    help = "Print two enrolment codes, of a new collector that serves the facility alone and of its first terminal"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the facility's address name")

    def handle(self, *args: Any, slug: str, **options: Any) -> str:
        now = database_now()
        with as_center():
            facility = Facility.objects.filter(slug=slug).first()
            terminal = Terminal.objects.filter(facility=facility, retired_at=None).order_by("pk").first()
            if facility is None or terminal is None:
                raise CommandError(f"There is no facility {slug!r} with a terminal")
            collector = Collector.objects.create(name=f"Story collector {now:%Y-%m-%d %H:%M:%S}")
            CollectorFacility.objects.create(facility=facility, collector=collector)
        return " ".join(issue_code(device, actor=SYSTEM, now=now) for device in (collector, terminal))
