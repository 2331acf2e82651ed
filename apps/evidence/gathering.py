"""The facts of an evidence report: what is kept now, and what happened in a period, as far as the record tells."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Sum

from apps.billing.months import begins_at
from apps.collection.models import Collection, Receipt
from apps.collection.models import State as CollectionState
from apps.evidence.access import Wanted, seen
from apps.evidence.checkpoints import SETTLING, checkpoint, recomputed
from apps.evidence.holdings import counted
from apps.evidence.models import Report
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.models import Order
from apps.retention.certificates import number_of
from apps.retention.models import Disposition
from apps.retention.models import State as DispositionState
from apps.vault.models import Finding, Pack
from apps.vault.standing import damaged_packs, not_read_in_time

MOST_CERTIFICATES = 5000
Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Period:
    """Days of a facility's calendar, as times: from `since` until before `until`."""

    facility: Facility
    since: datetime
    until: datetime

    @classmethod
    def of(cls, report: Report) -> "Period":
        """The days of a report."""
        zone = report.facility.time_zone
        return cls(
            report.facility, begins_at(report.first_on, zone), begins_at(report.last_on + timedelta(days=1), zone)
        )

    def within(self, field: str) -> Told:
        """The condition that a time lies in it."""
        return {"facility": self.facility, f"{field}__gte": self.since, f"{field}__lt": self.until}


def is_over(report: Report, *, now: datetime) -> bool:
    """Whether everything of the period has settled."""
    return Period.of(report).until <= now - SETTLING


def gather(report: Report, *, now: datetime, tell: Callable[[int], None]) -> Told:
    """All facts. `tell` hears how much is done (%); reading the log takes the time."""
    period = Period.of(report)
    facts: Told = {"period": {"first": f"{report.first_on}", "last": f"{report.last_on}"}}
    parts = {
        "kept": kept, "received": received, "given_out": given_out, "deleted": deleted, "access": accessed,
        "fixity": fixity,
    }  # fmt: skip
    for number, (name, part) in enumerate(parts.items(), 1):
        with as_center():
            facts[name] = part(period, now)
        tell(number * 8)
    facts["log"] = log(period, now, lambda share: tell(50 + share // 2))
    return facts


def kept(period: Period, now: datetime) -> Told:
    """What is stored when the report is made."""
    found = counted(period.facility, now=now)
    return {
        "as_of": _text(now), "studies": found.studies, "images": found.images, "patients": found.patients,
        "bytes": found.size_bytes, "packs": found.packs, "packs_in_two_places": found.copied_packs,
        "every_pack_verified_since": _text(found.verified_oldest_at), "last_verified": _text(found.verified_newest_at),
    }  # fmt: skip


def received(period: Period, _now: datetime) -> Told:
    """Acts of receiving and their receipts."""
    collections = Collection.objects.filter(**period.within("received_at"))
    sums = collections.aggregate(
        collections=Count("pk"), stored=Sum("stored_count", default=0), duplicates=Sum("duplicate_count", default=0),
        conflicts=Sum("conflict_count", default=0), quarantined=Sum("quarantined_count", default=0),
        bytes=Sum("size_bytes", default=0),
    )  # fmt: skip
    receipts = Receipt.objects.filter(**period.within("issued_at")).order_by()
    return sums | {
        "by_method": dict(collections.order_by().values_list("method").annotate(Count("pk"))),
        "in_two_places": collections.filter(state=CollectionState.STORED).count(),
        "receipts": dict(receipts.values_list("kind").annotate(Count("pk"))),
    }


def given_out(period: Period, _now: datetime) -> Told:
    """Output orders that were dispatched."""
    orders = Order.objects.filter(**period.within("delivered_at")).order_by()
    return {
        "orders": orders.count(),
        "images": orders.aggregate(images=Sum("instance_count", default=0))["images"],
        "by_kind": dict(orders.values_list("kind").annotate(Count("pk"))),
    }


def deleted(period: Period, _now: datetime) -> Told:
    """What was deleted, each with its certificate."""
    found = Disposition.objects.filter(**period.within("deleted_at"), state=DispositionState.DELETED)
    sums = found.aggregate(
        studies=Count("pk"), images=Sum("instance_count", default=0), bytes=Sum("size_bytes", default=0)
    )
    listed = found.select_related("facility").defer("contents", "certificate").order_by("deleted_at", "pk")
    certificates = [
        [number_of(each), each.study_instance_uid, f"{each.kept_until}", _text(each.deleted_at)]
        for each in listed[:MOST_CERTIFICATES]
    ]
    return sums | {"certificates": certificates}


def accessed(period: Period, _now: datetime) -> Told:
    """Who saw or fetched images, in numbers."""
    found = seen(period.facility, Wanted(period.since, period.until))
    return {
        "events": found.count(),
        "by_action": dict(found.values_list("action").annotate(Count("pk"))),
        "by_kind_of_actor": dict(found.values_list("actor_kind").annotate(Count("pk"))),
        "people": found.filter(actor_kind="user").values("actor_id").distinct().count(),
    }


def fixity(period: Period, now: datetime) -> Told:
    """Readings of both copies, and what they found."""
    packs = Pack.objects.filter(facility=period.facility)
    findings = Finding.objects.filter(**period.within("found_at")).order_by()
    return {
        "read_again_within_days": settings.FIXITY_DAYS,
        "packs_read": packs.filter(checked_at__gte=period.since, checked_at__lt=period.until).count(),
        "packs_not_read_in_time": not_read_in_time(now).filter(facility=period.facility).count(),
        "last_reading": _text(packs.aggregate(last=Max("checked_at"))["last"]),
        "findings": dict(findings.values_list("damage").annotate(Count("pk"))),
        "resolved": dict(findings.exclude(resolved_at=None).values_list("resolution").annotate(Count("pk"))),
        "damaged_now": damaged_packs(period.facility),
    }


def log(period: Period, now: datetime, tell: Callable[[int], None]) -> Told:
    """The signed head that covers the period, and whether the whole log, read again, still has that root."""
    with as_center():
        head = checkpoint(period.facility, until=period.until, now=now)
    tree = recomputed(
        period.facility, until=head.until, tell=lambda size: tell(min(100, 100 * size // max(head.size, 1)))
    )
    return {
        "until": _text(head.until), "events": head.size, "root": bytes(head.root).hex(),
        "is_unchanged": (tree.size, tree.root()) == (head.size, bytes(head.root)), "checkpoint": head.jws,
    }  # fmt: skip


def _text(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat(timespec="seconds") if time else None
