"""`manage.py resume`: after a restore, let mails, charges and deletions go out again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Q

from apps.billing.models import Invoice
from apps.collection.models import Receipt
from apps.core.clock import database_now
from apps.facilities.tenancy import as_center
from apps.retention.models import Disposition, State
from medvault import outward


class Command(BaseCommand):
    help = "Let go out what a restore has held back: mails, charges, deliveries, deletions"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mails-were-sent", action="store_true", help="take what waits to be mailed for mailed")
        parser.add_argument("--yes", action="store_true", help="do it; without, only what would go out is told")

    def handle(self, *args: Any, **options: Any) -> None:
        since = outward.held_since()
        if since is None:
            self.stdout.write("Nothing is held")
            return
        self.stdout.write(f"Held since the restore of {since}")
        with as_center():
            now = database_now()
            unmailed = Invoice.objects.filter(Q(mailed_at=None), ~Q(finalized_at=None))
            untold = Disposition.objects.filter(state=State.NOTIFIED, told_at=None)
            self.stdout.write(f"  invoices to be mailed: {unmailed.count()}")
            self.stdout.write(f"  notices of storage periods to be mailed: {untold.count()}")
            self.stdout.write(f"  receipts without a mail: {Receipt.objects.filter(mail=None).count()}")
            approved = Disposition.objects.filter(state=State.APPROVED).count()
            self.stdout.write(f"  studies to be deleted: {approved}")
            if options["yes"] and options["mails_were_sent"]:
                unmailed.update(mailed_at=now)
                untold.update(told_at=now)
        if options["yes"]:
            outward.release()
            self.stdout.write("It goes out from now on")
