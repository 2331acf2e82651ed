"""Collections as a line of time: what is ahead, and what happened, with requests and visits that were not made."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

from django.utils import timezone

from apps.billing.models import Charge
from apps.billing.models.charges import Source
from apps.collection.models import Collection, CollectionRequest, Receipt
from apps.collection.schedule import Outlook
from apps.facilities.models import Facility

BESIDE = 50
"""Requests and missed visits shown beside a page of collections."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: one of collection (with its receipts), request, or missed visit."""

    at: datetime
    collection: Collection | None = None
    receipts: list[Receipt] = field(default_factory=list)
    request: CollectionRequest | None = None
    missed_on: date | None = None


def happened(
    facility: Facility, collections: Sequence[Collection], *, is_first: bool, is_last: bool, is_alone: bool
) -> list[tuple[date, list[Entry]]]:
    """Months with their entries, newest first; unless they are to be alone, with what lies between the collections of a
    page, and before or after all.
    """
    receipts = defaultdict[int, list[Receipt]](list)
    for receipt in Receipt.objects.filter(facility=facility, collection__in=collections).defer("jws").order_by("pk"):
        receipts[receipt.collection_id].append(receipt)
    entries = [Entry(each.opened_at, collection=each, receipts=receipts[each.pk]) for each in collections]
    since = None if is_last or not collections else min(each.opened_at for each in collections)
    until = None if is_first or not collections else max(each.opened_at for each in collections)
    if not is_alone:
        entries += _requests(facility, since, until) + _missed(facility, since, until)
    months = defaultdict[date, list[Entry]](list)
    for entry in sorted(entries, key=lambda each: each.at, reverse=True):
        months[timezone.localdate(entry.at).replace(day=1)].append(entry)
    return list(months.items())


def planned(watched: Sequence[Outlook]) -> list[tuple[date, Outlook]]:
    """The next visit of each terminal, the soonest first; those that were not made in time come first."""
    return sorted(((each.next_visit_on, each) for each in watched if each.next_visit_on), key=lambda found: found[0])


def _requests(facility: Facility, since: datetime | None, until: datetime | None) -> list[Entry]:
    found = CollectionRequest.objects.filter(facility=facility).select_related("terminal")
    if since:
        found = found.filter(requested_at__gte=since)
    if until:
        found = found.filter(requested_at__lt=until)
    return [Entry(each.requested_at, request=each) for each in found.order_by("-requested_at")[:BESIDE]]


def _missed(facility: Facility, since: datetime | None, until: datetime | None) -> list[Entry]:
    """Promised visits that nobody made, as far as months are charged: they were credited."""
    found = Charge.objects.filter(facility=facility, source=Source.MISSED_VISIT).order_by("-supplied_on")
    if since:
        found = found.filter(supplied_on__gte=timezone.localdate(since))
    if until:
        found = found.filter(supplied_on__lt=timezone.localdate(until))
    days = found.values_list("counted__promised_on", flat=True)[:BESIDE]
    return [_missed_on(date.fromisoformat(day)) for day in days if day]


def _missed_on(day: date) -> Entry:
    return Entry(timezone.make_aware(datetime.combine(day, time(12))), missed_on=day)
