"""What the center shows: proofs for everybody of a facility, the access record and reports for its owners."""

import csv
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import Actor, record
from apps.audit.signing import checked
from apps.collection.models import Collection, Receipt
from apps.collection.receipts import issue_receipts
from apps.collection.replication import replicate_pending
from apps.evidence.checkpoints import checkpoint
from apps.evidence.models import Report
from apps.evidence.reporting import make_due
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.portal import access_record, receipts
from tests.portal.pages import dicom, only_study, queries_of, store, url


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("mori@example.org", sakura=Role.OWNER)


@pytest.fixture
def member(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("tanaka@example.org", sakura=Role.MEMBER)


def receipted(facility: Facility) -> Collection:
    collection = store(facility, dicom())
    replicate_pending()
    with as_facility(facility):
        collection.refresh_from_db()
        issue_receipts(collection, now=timezone.now())
    return collection


def look(facility: Facility, actor: Actor, action: str = "study.viewed", **about: Any) -> None:
    facts: dict[str, Any] = {"object_type": "study", "object_id": 1} | about
    with as_center():
        record(action, actor=actor, facility_id=facility.pk, **facts)


def lines_of(client: Client, query: str = "") -> list[tuple[str, str, str]]:
    looks = client.get(url("access_record") + query).context["looks"]
    return [(look.who, look.what, look.about) for look in looks]


def test_proofs_lie_on_one_page(sakura: Facility, viewer: Client, owner: Client) -> None:
    assert "The first checkpoint is signed tonight" in viewer.get(url("accountability")).content.decode()
    collection = receipted(sakura)
    with as_center():
        head = checkpoint(sakura, until=timezone.now(), now=timezone.now())
    page = viewer.get(url("accountability")).content.decode()
    assert url("shown_receipt", collection_id=collection.pk, kind="stored") in page
    assert bytes(head.root).hex() in page
    assert "Evidence report for an inspector" not in page
    assert "Evidence report for an inspector" in owner.get(url("accountability")).content.decode()
    kept = viewer.get(url("checkpoint", checkpoint_id=head.pk))
    assert (kept.content.decode(), kept["Content-Type"]) == (head.jws, "application/jose")


def test_a_receipt_is_read_and_its_signature_checked(
    sakura: Facility, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = receipted(sakura)
    page = viewer.get(url("shown_receipt", collection_id=collection.pk, kind="stored")).content.decode()
    assert "signature is good" in page
    assert only_study(sakura).study_instance_uid in page
    with as_center():
        receipt = Receipt.objects.get(kind="stored")
    wrong = receipt.jws[:-6] + "AAAAAA"
    monkeypatch.setattr(receipts, "checked", lambda _jws, *, typ: checked(wrong, typ=typ))
    page = viewer.get(url("shown_receipt", collection_id=collection.pk, kind="stored")).content.decode()
    assert "not signed by a key of the center" in page


def test_owners_read_who_looked(
    sakura: Facility, lindenhof: Facility, viewer: Client, owner: Client, person: Callable[..., User]
) -> None:
    store(sakura, dicom())
    study = only_study(sakura)
    viewer.get(url("study", study_id=study.pk))
    staff = person("arai@center.example", is_staff=True)
    look(sakura, Actor("user", str(staff.pk), "192.0.2.9"), object_id=study.pk)
    look(sakura, Actor("receiver", "1"), "share_link.opened", object_type="share_link")
    look(lindenhof, Actor("user", str(staff.pk)), object_id=study.pk)
    about = f"study #{study.pk}"
    everything = lines_of(owner)
    assert everything == [
        ("receiver of a share link", "Opened a share link", "share link #1"),
        ("arai@center.example", "Opened a study", about),
        ("abe@example.org", "Opened a study", about),
    ]
    page = owner.get(url("access_record")).content.decode()
    assert url("study", study_id=study.pk) in page
    assert page.count(">center<") == 1
    with as_center():
        abe = User.objects.get(email="abe@example.org")
    assert lines_of(owner, "?who=staff") == [everything[1]]
    assert lines_of(owner, "?who=devices") == [everything[0]]
    assert lines_of(owner, f"?who={abe.pk}") == [everything[2]]
    assert lines_of(owner, f"?study={study.pk}") == everything[1:]
    yesterday = timezone.localdate() - timedelta(days=1)
    assert lines_of(owner, f"?first_on=2020-01-01&last_on={yesterday}") == []
    with as_facility(sakura):
        assert Event.objects.filter(action="access_record.viewed").exists()


def test_the_record_is_paged_by_its_cursor(sakura: Facility, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_record, "PAGE", 2)
    for number in range(5):
        look(sakura, Actor("process", "medvault"), object_id=number)
    found, query = [], ""
    while True:
        answer = owner.get(url("access_record") + query)
        found += [look.about for look in answer.context["looks"]]
        if answer.context["older"] is None:
            break
        query = f"?after={str(answer.context['older']).replace('+', '%2B')}"
    assert found == [f"study #{number}" for number in range(4, -1, -1)]
    few = queries_of(owner, url("access_record"))
    for number in range(9):
        look(sakura, Actor("process", "medvault"), object_id=number)
    assert queries_of(owner, url("access_record")) == few


def test_what_is_made_up_is_no_error_of_ours(owner: Client) -> None:
    for query in (
        "?after=x", "?after=2026-01-01_1", "?study=x", f"?study={'9' * 40}", "?who=nobody", "?first_on=%00",
        "?first_on=9999-12-31&last_on=9999-12-31", "?first_on=2026-02-02&last_on=2026-01-01",
    ):  # fmt: skip
        assert owner.get(url("access_record") + query).status_code in {200, 422}
        assert owner.get(url("access_csv") + query).status_code in {200, 422}


def test_the_export_has_every_line_and_no_formula(
    sakura: Facility, owner: Client, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_record, "LINES_AT_ONCE", 2)
    for number, name in enumerate(["=1+1", "+1", "-1", "@SUM(A1)", "Mori"]):
        user = person(f"p{number}@center.example", is_staff=True)
        User.objects.filter(pk=user.pk).update(name=name)
        look(sakura, Actor("user", str(user.pk), "192.0.2.1"))
    answer: Any = owner.get(url("access_csv"))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(StringIO(text)))
    assert [row[1] for row in rows] == ["Who", "mori@example.org", "Mori", "'@SUM(A1)", "'-1", "'+1", "'=1+1"]
    assert rows[1][3] == "Exported this record"
    assert rows[2][2:] == ["x", "Opened a study", "study #1", "", "192.0.2.1"]
    with as_facility(sakura):
        assert Event.objects.filter(action="access_record.exported").count() == 1


def test_a_report_is_asked_for_followed_and_fetched(
    sakura: Facility, lindenhof: Facility, owner: Client, signed_in: Callable[..., Client]
) -> None:
    receipted(sakura)
    today = timezone.localdate()
    wanted = {"first_on": "2026-01-01", "last_on": f"{today - timedelta(days=2)}"}
    assert owner.post(url("ask_report"), wanted | {"last_on": f"{today}"}).status_code == 422
    assert owner.post(url("ask_report"), wanted | {"first_on": "2001-01-01"}).status_code == 422
    answer = owner.post(url("ask_report"), wanted)
    with as_facility(sakura):
        report = Report.objects.get()
    assert answer["Location"] == url("report", report_id=report.pk)
    assert "every 2s" in owner.get(answer["Location"]).content.decode()
    pdf = url("report_file", report_id=report.pk, form="pdf")
    assert owner.get(pdf).status_code == 404
    assert make_due(now=timezone.now()) == 1
    page = owner.get(answer["Location"]).content.decode()
    assert pdf in page
    assert "every 2s" not in page
    assert owner.get(pdf).content.startswith(b"%PDF")
    signed = owner.get(url("report_file", report_id=report.pk, form="jws"))
    assert signed.content.count(b".") == 2
    assert owner.get(url("report_file", report_id=report.pk, form="exe")).status_code == 404
    other = signed_in("vogt@example.org", lindenhof=Role.OWNER)
    assert other.get(url("report", "lindenhof", report_id=report.pk)).status_code == 404
    assert other.get(url("report_file", "lindenhof", report_id=report.pk, form="pdf")).status_code == 404
    with as_facility(sakura):
        acts = list(Event.objects.filter(object_type="evidence_report").order_by("pk").values_list("action", flat=True))
    assert acts == [f"evidence_report.{verb}" for verb in ("requested", "made", "fetched", "fetched")]


@pytest.mark.parametrize("name", ["access_record", "access_csv"])
def test_colleagues_who_are_no_owners_do_not_read_it(name: str, member: Client, viewer: Client) -> None:
    assert (member.get(url(name)).status_code, viewer.get(url(name)).status_code) == (403, 403)
