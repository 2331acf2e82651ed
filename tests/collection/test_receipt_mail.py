"""Receipts reach the address that a facility has named, once each."""

import threading
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.audit.signing import checked
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Method, ReceiptMail
from apps.collection.receipt_mail import mail_receipts
from apps.collection.receipts import TYP, issue_receipts
from apps.collection.reception import Reception
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.spool import Batch
from tests.collection.test_promises import FILES

pytestmark = pytest.mark.usefixtures("committed_db")


def received(facility: Facility, address: str = "archive@sakura.example") -> None:
    """A collection with both receipts."""
    with as_center():
        facility.receipts_to = address
        facility.save()
    reception, now = Reception(method=Method.PUSH, actor=SYSTEM), timezone.now()
    with Batch(facility.pk) as batch:
        intake = Intake(batch)
        intake.add([FILES[0]], "1.dcm")
        collection = new_collection(facility, reception, now=now, uid=uuid4())
        collection = store_batch(collection, reception, intake, now=now, is_last=True).collection
    with as_facility(facility):
        issue_receipts(collection, now=now)
    replicate_pending()


def test_both_receipts_are_sent_once_with_their_signature(sakura: Facility) -> None:
    received(sakura)
    assert mail_receipts() == 2
    assert mail_receipts() == 0
    first, second = mail.outbox
    assert (first.to, second.to) == (["archive@sakura.example"],) * 2
    assert "Do not delete" in first.body
    assert "may be deleted" in second.body
    name, content, _kind = second.attachments[0]
    assert name.endswith("-stored.jws")
    assert checked(str(content), typ=TYP)["kind"] == "stored"
    for message in mail.outbox:
        for secret in ("CompressedSamples", "1CT1"):
            assert secret not in str(message.message()["Subject"]) + str(message.body)


def test_receipts_speak_the_language_of_their_facility(sakura: Facility) -> None:
    sakura.language = "ja"
    received(sakura)
    assert mail_receipts() == 2
    assert [message.subject.partition(":")[0] for message in mail.outbox] == ["画像の受領", "画像の保存完了"]
    assert "まだ削除しないでください" in mail.outbox[0].body


def test_nothing_is_sent_where_no_address_is_named(sakura: Facility) -> None:
    received(sakura, "")
    assert mail_receipts() == 0


def test_two_workers_send_each_once(sakura: Facility) -> None:
    received(sakura)
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(mail_receipts())) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(counts) == 2
    assert len(mail.outbox) == 2


def test_a_mail_that_is_not_taken_is_tried_again(sakura: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    received(sakura)

    def refused(_backend: object, _messages: object) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as away:
        away.setattr(EmailBackend, "send_messages", refused)
        assert mail_receipts() == 0
    with as_center():
        assert not ReceiptMail.objects.exists()
    assert mail_receipts() == 2
