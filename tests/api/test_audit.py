"""What the center shows of itself, for the programs that an owner trusts with it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import Event
from apps.collection.replication import replicate_pending
from apps.evidence.reporting import make_due
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from tests.api.asking import Asking
from tests.portal.pages import dicom, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(sakura: Facility, client: Client, token_for: Callable[..., str]) -> Asking:
    return Asking(client, "sakura", token_for(sakura, Scope.AUDIT))


def test_an_owners_program_reads_who_saw_what(
    ask: Asking, sakura: Facility, signed_in: Callable[..., Client], token_for: Callable[..., str]
) -> None:
    store(sakura, dicom(1), dicom(2))
    viewer = signed_in("viewer@sakura.example", sakura=Role.VIEWER)
    member = Asking(viewer, "sakura")("members/").json()["members"][0]["id"]
    for uid in ("2.25.1", "2.25.2", "2.25.1"):
        Asking(viewer, "sakura")(f"studies/{uid}/")
    Asking(ask.client, "sakura", token_for(sakura, Scope.READ))("studies/")
    seen = ask.pages("access-record/", "looks")
    assert [each["action"] for each in seen] == ["studies.listed", *["study.viewed"] * 3]
    assert [each["study_instance_uid"] for each in seen] == [None, "2.25.1", "2.25.2", "2.25.1"]
    assert len(ask.pages(f"access-record/?who={member}", "looks")) == 3
    assert len(ask.pages("access-record/?who=devices", "looks")) == 1
    assert len(ask.pages("access-record/?study=2.25.1", "looks")) == 2
    assert ask("access-record/?first_on=2020-01-01&last_on=2020-12-31").json()["looks"] == []
    for wrong in (
        "first_on=2026-02-01&last_on=2026-01-01", "last_on=0001-01-01", "last_on=9999-12-31", "first_on=x", "who=x",
        "who=999999", "study=9.9", "cursor=x",
    ):  # fmt: skip
        assert ask(f"access-record/?{wrong}").json()["code"] == "invalid", wrong
    with as_facility(sakura):
        assert Event.objects.filter(action="access_record.viewed", actor_kind="token").count() == 7


def test_a_report_is_asked_for_followed_and_fetched(ask: Asking, sakura: Facility) -> None:
    store(sakura, dicom(1))
    replicate_pending()
    today = timezone.now().date()
    days = {"first_on": f"{today - timedelta(days=40)}", "last_on": f"{today - timedelta(days=3)}"}
    for wrong, field in (
        (days | {"last_on": f"{today + timedelta(days=2)}"}, "last_on"),
        (days | {"first_on": "2001-01-01"}, "first_on"),
        (days | {"first_on": "0001-01-01"}, "first_on"),
        ({"last_on": days["last_on"]}, "first_on"),
    ):
        assert list(ask("evidence-reports/", wrong).json()["errors"]) == [field]
    made = ask("evidence-reports/", days)
    assert (made.status_code, made.json()["state"]) == (201, "requested")
    address = f"evidence-reports/{made.json()['id']}/"
    assert ask(f"{address}document/").status_code == 404
    assert make_due(now=timezone.now()) == 1
    ready = ask(address).json()
    assert (ready["state"], ready["percent"], ready["facts"]["kept"]["studies"]) == ("ready", 100, 1)
    assert ask("evidence-reports/").json()["reports"] == [{name: ready[name] for name in ready if name != "facts"}]
    assert ask(f"{address}document/").content.startswith(b"%PDF-1.7")
    assert ask(f"{address}signed/").content.count(b".") == 2
    with as_center():
        assert Event.objects.filter(action="evidence_report.fetched", actor_kind="token").count() == 2
    assert ask(f"{address}cancel/", {}).json()["code"] == "not_waited_for"
    another = ask("evidence-reports/", days).json()
    assert ask(f"evidence-reports/{another['id']}/cancel/", {}).json()["state"] == "cancelled"
    assert make_due(now=timezone.now()) == 0


def test_what_there_is_is_told_in_numbers(ask: Asking, sakura: Facility) -> None:
    store(sakura, dicom(1), dicom(1, number=2))
    told = ask("holdings/").json()
    assert [told[name] for name in ("studies", "images", "copied_packs", "damaged_packs")] == [1, 2, 0, 0]
    replicate_pending()
    assert ask("holdings/").json()["copied_packs"] == 1
    assert ask("findings/").json()["findings"] == []
