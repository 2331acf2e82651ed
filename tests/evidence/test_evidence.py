"""Checkpoints, sums and reports: what the center shows of itself, and that changes are noticed."""

import json
import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import jwt
import pikepdf
import pytest
from django.utils import timezone
from jwt import PyJWK
from medvault_edge.cli import app
from typer.testing import CliRunner

from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.audit.signing import checked, published_keys
from apps.billing.models import StorageDay
from apps.catalog.models import Study
from apps.collection.replication import replicate_pending
from apps.evidence import holdings
from apps.evidence.access import LOOKS
from apps.evidence.checkpoints import TYP, checkpoint, checkpoint_all, latest, midnight, recomputed
from apps.evidence.holdings import counted, holdings_of, sum_up
from apps.evidence.models import Checkpoint, Holdings, Report, ReportState
from apps.evidence.periods import NoSuchPeriod
from apps.evidence.report_document import report_pdf
from apps.evidence.reporting import ABANDONED, MOST_ATTEMPTS, make_due, request_report
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from apps.notifications.models import Notification
from medvault.env import PROJECT
from tests.evidence.stories import look, soon, wanted_report
from tests.portal.pages import dicom, store

pytestmark = pytest.mark.django_db


def head(facility: Facility, **ahead: Any) -> Checkpoint:
    with as_center():
        return checkpoint(facility, until=soon() + timedelta(**ahead), now=soon())


def told(_size: int) -> None: ...


def test_a_checkpoint_is_signed_and_the_next_one_goes_on(sakura: Facility, lindenhof: Facility) -> None:
    for number in range(5):
        look(sakura, number)
    look(lindenhof)
    assert checkpoint_all(now=soon()) == 2
    with as_center():
        sent = {each.facts["jws"] for each in Notification.objects.filter(kind=Kind.RECORD_SIGNED)}
        assert sent == set(Checkpoint.objects.values_list("jws", flat=True))
    with as_center():
        first = latest(sakura)
    assert first
    assert first.size == 5
    claims = checked(first.jws, typ=TYP)
    assert (claims["facility"], claims["size"], claims["root"]) == ("sakura", 5, bytes(first.root).hex())
    assert checkpoint_all(now=soon()) == 0
    later = head(sakura, days=9)
    assert (later.size, later.root, later.until > first.until) == (5, first.root, True)


def test_what_is_changed_on_record_changes_the_root(sakura: Facility) -> None:
    for number in range(3):
        look(sakura, number)
    kept = head(sakura)
    assert recomputed(sakura, until=kept.until, tell=told).root() == bytes(kept.root)
    with as_center():
        events = list(Event.objects.filter(facility_id=sakura.pk).order_by("at", "pk"))
    events[1].details = {"name": "林"}
    from apps.audit.merkle import Tree, leaf_of

    tree = Tree()
    for event in events:
        tree.append(leaf_of(event))
    assert tree.root() != bytes(kept.root)


OTHER_ACTS = {  # which show no image and no patient to anybody
    "certificate.downloaded", "collection.opened", "source.fetched", "upload.opened", "evidence_report.fetched",
}  # fmt: skip
ACROSS_FACILITIES = {"patient.listed", "study.listed"}  # staff's, on the center's record


def test_no_act_of_looking_is_missing_from_the_record() -> None:
    sources = "".join(path.read_text() for path in (PROJECT / "apps").rglob("*.py") if path.name != "access.py")
    verbs = "viewed|listed|downloaded|retrieved|searched|opened|fetched|exported"
    acts = set(re.findall(rf'"([a-z_]+\.(?:{verbs})(?:_by_staff)?)"', sources))
    assert acts - OTHER_ACTS - ACROSS_FACILITIES - set(LOOKS) == set()
    assert "study.viewed" in acts


def test_only_what_has_settled_is_covered() -> None:
    assert midnight(datetime(2026, 11, 3, 0, 59, tzinfo=UTC)) == datetime(2026, 11, 2, tzinfo=UTC)
    assert midnight(datetime(2026, 11, 3, 1, 0, tzinfo=UTC)) == datetime(2026, 11, 3, tzinfo=UTC)


def test_large_facilities_are_summed_up_and_small_ones_counted(
    sakura: Facility, lindenhof: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(sakura, dicom(1), dicom(1, 2), dicom(2))
    replicate_pending()
    monkeypatch.setattr(holdings, "COUNTED_LIVE", 1)
    now = timezone.now()
    with as_center():
        StorageDay.objects.create(facility=sakura, day=now.date(), ends_at=now, stored_bytes=1, studies=2)
    assert sum_up(now=now) == 1
    with as_facility(sakura):
        kept = Holdings.objects.get()
        assert (kept.studies, kept.images, kept.patients, kept.packs, kept.copied_packs) == (2, 3, 2, 2, 2)
        assert kept.size_bytes == sum(Study.objects.values_list("size_bytes", flat=True))
        assert holdings_of(sakura, now=now).as_of == now
    store(sakura, dicom(3))
    with as_facility(sakura):
        assert holdings_of(sakura, now=now).studies == 2
        assert counted(sakura, now=now).studies == 3
    sum_up(now=now)
    with as_facility(sakura):
        assert holdings_of(sakura, now=now).studies == 3
    with as_facility(lindenhof):
        assert holdings_of(lindenhof, now=now).studies == 0
    monkeypatch.setattr(holdings, "COUNTED_LIVE", 1000)
    assert sum_up(now=now) == 0
    with as_center():
        assert not Holdings.objects.exists()


@pytest.fixture
def report(sakura: Facility) -> Report:
    return wanted_report(sakura)


def test_a_report_tells_what_happened_and_is_checked_by_others(report: Report, tmp_path: Path) -> None:
    assert make_due(now=soon()) == 1
    with as_center():
        report = Report.objects.select_related("facility").get()
        assert Notification.objects.get(kind=Kind.REPORT_READY).facts == {"number": str(report)}
    facts = report.facts
    assert (report.state, report.percent) == (ReportState.READY, 100)
    assert (facts["kept"]["studies"], facts["kept"]["packs_in_two_places"]) == (2, 2)
    assert (facts["received"]["collections"], facts["received"]["stored"]) == (1, 2)
    assert facts["access"]["by_action"] == {"study.viewed": 1}
    assert facts["deleted"]["certificates"] == []
    assert facts["log"]["is_unchanged"] is True
    keys = published_keys()
    claims = jwt.decode(report.jws, PyJWK(keys["keys"][0]).key, algorithms=["EdDSA"], options={"verify_iat": False})
    assert (claims["number"], claims["facility"], claims["kept"]) == (str(report), "sakura", facts["kept"])
    document = pikepdf.open(BytesIO(report_pdf(report)))
    assert bytes(document.attachments["report.jws"].get_file().read_bytes()).decode() == report.jws
    assert report_pdf(report) == report_pdf(report)
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    for name, text in {
        "good": report.jws,
        "head": facts["log"]["checkpoint"],
        "bad": report.jws[:-8] + "AAAAAAAA",
    }.items():
        (tmp_path / f"{name}.jws").write_text(text)
    given = ["verify", "--keys", f"{tmp_path}/keys.json", "--json"]
    good = CliRunner().invoke(app, [*given, f"{tmp_path}/good.jws", f"{tmp_path}/head.jws"])
    assert [each["kind"] for each in json.loads(good.output)] == ["evidence report", "checkpoint"]
    assert CliRunner().invoke(app, [*given, f"{tmp_path}/bad.jws"]).exit_code != 0


def test_a_report_says_when_the_record_was_changed(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.evidence import gathering

    def other(facility: Facility, **given: Any) -> Any:
        tree = recomputed(facility, **given)
        tree.append(b"put in later")
        return tree

    monkeypatch.setattr(gathering, "recomputed", other)
    make_due(now=soon())
    with as_center():
        changed = Report.objects.select_related("facility").get()
    assert changed.facts["log"]["is_unchanged"] is False
    assert len(report_pdf(changed)) > 1000


def test_a_worker_that_died_is_followed_by_another(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    with as_center():
        Report.objects.update(state=ReportState.MAKING, claimed_at=soon(), percent=40)
    assert make_due(now=soon()) == 0
    assert make_due(now=soon() + ABANDONED + timedelta(minutes=1)) == 1
    with as_center():
        assert Event.objects.filter(action="evidence_report.made").count() == 1


def test_what_fails_is_said(report: Report, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from apps.evidence import reporting

    def broken(*_given: Any, **_named: Any) -> Any:
        raise RuntimeError("Mori Haruka")

    monkeypatch.setattr(reporting, "gather", broken)
    assert make_due(now=soon()) == 0
    with as_center():
        assert Report.objects.get().state == ReportState.FAILED
    assert "Mori" not in caplog.text


def test_a_report_that_kills_worker_after_worker_has_failed(report: Report) -> None:
    later = soon() + ABANDONED + timedelta(minutes=1)
    with as_center():
        Report.objects.update(state=ReportState.MAKING, claimed_at=soon(), attempts=MOST_ATTEMPTS)
    assert make_due(now=later) == 0
    with as_center():
        failed = Report.objects.get()
    assert (failed.state, failed.problem) == (ReportState.FAILED, "Each time a worker died over it")


def test_days_that_have_not_ended_are_refused(sakura: Facility) -> None:
    now = timezone.now()
    with as_facility(sakura), pytest.raises(NoSuchPeriod):
        request_report(sakura, first_on=now.date(), last_on=now.date(), by=None, actor=SYSTEM, now=now)
