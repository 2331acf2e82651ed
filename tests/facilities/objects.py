"""Something of a facility for every parameter of an address."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pydicom.data
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.holds import place_hold
from apps.catalog.models import HoldKind, Instance
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Method, Reason, ReceiptKind, Terminal, Upload
from apps.collection.receipts import issue_receipts
from apps.collection.reception import Reception
from apps.collection.requests import request_collection
from apps.evidence.checkpoints import checkpoint
from apps.evidence.reporting import request_report
from apps.facilities.models import DeviceToken, Facility, Membership, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from apps.notifications.webhooks import add_webhook, send_test
from apps.vault.spool import Batch
from tests.orders.stories import dispatched
from tests.portal.plans import sell, serve

CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm"))).read_bytes()


def objects_of(sakura: Facility, person: Callable[..., Any], token_for: Callable[..., str]) -> dict[str, Any]:
    """A value of Sakura's for every parameter there is."""
    reception = Reception(method=Method.MEDIA, actor=SYSTEM)
    now = timezone.now()
    with Batch(sakura.pk) as batch:
        intake = Intake(batch)
        intake.add([CT], "CT_small.dcm")
        stored = store_batch(new_collection(sakura, reception, now=now), reception, intake, now=now, is_last=True)
    with as_facility(sakura):
        instance = Instance.objects.select_related("series__study").get()
    token_for(sakura)
    member = person("someone@example.org", sakura=Role.VIEWER)
    with as_center():
        membership = Membership.objects.get(user=member)
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="Terminal")
    with as_facility(sakura):
        upload = Upload.objects.create(
            facility=sakura, collection_uid=uuid4(), sealed_sha256=bytes(32), length_bytes=10, created_at=now,
            expires_at=now, device_token=DeviceToken.objects.get(),
        )  # fmt: skip
        wish = request_collection(terminal, reason=Reason.CLOSURE, note="", due_at=None, actor=SYSTEM, now=now)
        issue_receipts(stored.collection, now=now)
        study = instance.series.study
        hold = place_hold(study, kind=HoldKind.FACILITY, reason="complaint", actor=SYSTEM, now=now)
    tiers = sell()
    contract = serve(sakura, tiers["monthly"], starts_on=now.date())
    with as_center():
        version = contract.versions.get()
    order = dispatched(sakura, person("worker@center.example", is_staff=True))
    webhook, _secret = add_webhook(
        sakura, url="https://hooks.example/", label="PACS", kinds=[Kind.COLLECTION_STORED], actor=SYSTEM, now=now
    )
    delivery = send_test(webhook, actor=SYSTEM, now=now)
    with as_center():
        signed = checkpoint(sakura, until=now, now=now)
        last_on = now.date() - timedelta(days=3)
        report = request_report(sakura, first_on=last_on, last_on=last_on, by=None, actor=SYSTEM, now=now)
    return {
        "tier_version_id": tiers["weekly"].pk,
        "version_id": version.pk,
        "order_id": order.pk,
        "order_uid": order.uid,
        "key": f"image-{instance.pk}",
        "hold_id": hold.pk,
        "patient_id": study.patient_id,
        "disposition_id": 10**9,
        "invoice_id": 10**9,
        "entry_id": 10**9,
        "webhook_id": webhook.pk,
        "delivery_id": delivery.pk,
        "kind": ReceiptKind.RECEIVED,
        "terminal_id": terminal.pk,
        "request_id": wish.pk,
        "request_uid": wish.uid,
        "terminal_uid": terminal.uid,
        "upload_uid": upload.uid,
        "collection_uid": stored.collection.uid,
        "study_id": instance.series.study_id,
        "series_id": instance.series_id,
        "instance_id": instance.pk,
        "collection_id": stored.collection.pk,
        "membership_id": membership.pk,
        "invitation_id": 10**9,
        "checkpoint_id": signed.pk,
        "report_id": report.pk,
        "search_id": 10**9,
        "form": "pdf",
        "token_id": 10**9,
        "study_instance_uid": instance.series.study.study_instance_uid,
        "series_instance_uid": instance.series.series_instance_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "number": 1,
        "frame": 1,
        "frames": 1,
        "path": "7FE00010",
    }
