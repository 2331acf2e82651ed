"""The report of a delivery: what went to which node and what it answered, signed; it takes the manifest's place."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from django.core.files.storage import storages
from django.db import transaction
from django.db.models import OuterRef, Subquery

from apps.orders.choosing import in_order
from apps.orders.kinds.download import numbered
from apps.orders.manifest import Entry, entry_of, write_manifest
from apps.orders.models import Answer, Delivery, Output
from apps.orders.ordered import AT_ONCE, images_of
from apps.orders.outputs import keep
from apps.orders.statuses import in_words
from apps.vault.spool import passing_folder


def keep_report(delivery: Delivery, *, taken: int, now: datetime) -> None:
    """Write and keep it as the order's output, within the caller's transaction. Raises OSError."""
    order = delivery.order
    output = Output.objects.get(facility_id=delivery.facility_id, order=order, number=delivery.number)
    manifest = output.name
    with passing_folder() as folder:
        target = folder / "report.jsonl"
        about = {"node": delivery.node.name, "destination": delivery.node.destination}
        write_manifest(
            target, order, _entries(delivery), **about, delivered_at=now.isoformat(timespec="seconds"),
            taken=taken,
        )  # fmt: skip
        keep(output, target, f"{order.facility_id}/{order.uid}/{output.number}-report.jsonl")
    output.save(update_fields=["name", "size_bytes", "sha256"])
    transaction.on_commit(partial(storages["outputs"].delete, manifest), robust=True)


def _entries(delivery: Delivery) -> Iterator[Entry]:
    answers = Answer.objects.filter(
        facility_id=OuterRef("facility_id"), delivery=delivery, sop_instance_uid=OuterRef("sop_instance_uid")
    )
    answered = in_order(images_of(delivery.order)).annotate(answer=Subquery(answers.values("status")[:1]))
    for name, instance in numbered(answered.iterator(AT_ONCE)):
        status: int | None = vars(instance)["answer"]
        yield entry_of(name, instance) | {"status": status, "meaning": in_words(status)}
