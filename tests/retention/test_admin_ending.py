"""Staff see where ends of studies stand, and try again what is stuck; deciding is the facility's."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from apps.audit.signing import checked
from apps.catalog.models import Study
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.retention import deletion, ending, sweep
from apps.retention.certificates import TYP
from apps.retention.ending import ends_by_month, standings
from apps.retention.errors import ClocksDiffer
from apps.retention.models import Disposition, OnExpiry, Retention, State
from apps.vault.errors import VaultUnavailable
from tests.retention.stories import agreed, dispositions, in_force, overdue, stored
from tests.retention.workplace import act_address, events, in_group, list_address, page_address, shown, told

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}
ENDING = "admin:retention_ending"


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def archivist(committed_db: None, signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "archivist")


@pytest.fixture
def expired(lindenhof: Facility) -> Study:
    in_force("de-diag")
    return stored(lindenhof, **BORN)


def refuse(_name: str) -> None:
    raise VaultUnavailable("The vault could not be written")


@pytest.fixture
def stuck(expired: Study, lindenhof: Facility, monkeypatch: pytest.MonkeyPatch) -> Disposition:
    """A study whose rows are gone and whose packs could not be removed yet."""
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    with monkeypatch.context() as patched:
        patched.setattr(deletion, "erase_pack", refuse)
        sweep.sweep()
    [found] = dispositions(State.DELETING)
    return found


def test_what_is_stuck_is_tried_again_by_who_may(
    archivist: Client, signed_in: Callable[..., Client], stuck: Disposition
) -> None:
    address = act_address(stuck, "try_again")
    operator = in_group(signed_in, "operator")
    assert operator.post(address, {"_form_submitted": "True"}).status_code == 403
    assert "try_again" not in shown(operator, page_address(stuck))
    assert "The vault could not be written" in shown(archivist, page_address(stuck))
    assert archivist.get(list_address(Disposition), {"problem": "yes"}).context["cl"].result_count == 1
    answer = archivist.post(address, {"_form_submitted": "True"}, follow=True).content.decode()
    assert "Signed certificate" in answer
    assert told(archivist, address) == ["Nothing is to be tried again here."]
    assert [each.state for each in dispositions()] == [State.DELETED]
    assert len(events("study.deleted")) == len(events("disposition.tried_again")) == 1
    assert archivist.get(list_address(Disposition), {"problem": "yes"}).context["cl"].result_count == 0


def test_what_fails_again_stays_and_says_why(
    archivist: Client, stuck: Disposition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "erase_pack", refuse)
    assert told(archivist, act_address(stuck, "try_again")) == ["It was tried again: the state below is how it went."]
    [waiting] = dispositions()
    assert (waiting.state, waiting.problem) == (State.DELETING, "The vault could not be written")


def test_nothing_is_removed_within_the_request_of_the_page(
    archivist: Client, stuck: Disposition, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    within = []
    monkeypatch.setattr(
        "apps.retention.admin.dispositions.carry_out", lambda *_: within.append(connection.in_atomic_block)
    )
    told(archivist, act_address(stuck, "try_again"))
    assert within == [False]


def test_staff_cannot_decide_for_a_facility(archivist: Client, expired: Study) -> None:
    sweep.sweep()
    [waiting] = dispositions(State.NOTIFIED)
    content = shown(archivist, page_address(waiting))
    assert "10 years from the last exam" in content
    assert "try_again" not in content
    for act in ("approve", "object", "decide"):
        with pytest.raises(NoReverseMatch):
            act_address(waiting, act)
    assert archivist.post(page_address(waiting), {"state": "approved"}).status_code == 403
    assert told(archivist, act_address(waiting, "try_again")) == ["Nothing is to be tried again here."]
    assert [each.state for each in dispositions()] == [State.NOTIFIED]


def test_the_certificate_is_downloaded_as_it_was_signed(
    archivist: Client, signed_in: Callable[..., Client], expired: Study, lindenhof: Facility
) -> None:
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    sweep.sweep()
    [gone] = dispositions()
    address = reverse("admin:retention_disposition_certificate", args=[gone.pk])
    assert address in shown(archivist, page_address(gone))
    answer = archivist.get(address)
    assert answer["Content-Type"] == "application/jose"
    assert answer["Content-Disposition"] == f'attachment; filename="deletion-lindenhof-{gone.pk}.jws"'
    claims = checked(answer.content.decode(), typ=TYP)
    assert claims["study_instance_uid"] == expired.study_instance_uid
    content = shown(archivist, page_address(gone))
    assert claims["packs"][0]["files"][0]["sha256"] in content
    assert "by the contract" in content
    assert len(events("certificate.downloaded")) == 1
    newcomer = signed_in("new@center.example", is_staff=True)
    assert newcomer.get(address).status_code == 403
    assert archivist.get(reverse("admin:retention_disposition_certificate", args=[gone.pk + 1])).status_code == 404


def test_months_count_what_ends_in_them(lindenhof: Facility) -> None:
    in_force("de-diag")
    for number, (year, month, day) in enumerate(
        [(2027, 1, 1), (2027, 1, 31), (2027, 2, 28), (2028, 1, 1), (2026, 1, 1)]
    ):
        stored(lindenhof, date(year - 10, month, day), PatientID=f"{number}", **BORN)
    with as_center():
        found = ends_by_month(date(2027, 1, 15))
    assert list(found) == [date(2027, month, 1) for month in range(1, 13)]
    assert [found[date(2027, month, 1)] for month in (1, 2, 3)] == [1, 1, 0]
    with as_center():
        assert list(ends_by_month(date(2026, 11, 3)))[-1] == date(2027, 10, 1)


def test_the_page_says_where_each_facility_stands(
    archivist: Client, expired: Study, lindenhof: Facility, sakura: Facility
) -> None:
    stored(sakura, PatientBirthDate="")
    stored(lindenhof, PatientID="untold", PatientBirthDate="")
    sweep.sweep()
    overdue(dispositions()[0])
    with as_center():
        at = {each.facility.slug: each for each in standings(timezone.now())}
    assert (at["lindenhof"].waiting, at["lindenhof"].overdue, at["lindenhof"].problems) == (1, 1, 0)
    assert dict(at["lindenhof"].untold) == {"birth_date": 1}
    assert dict(at["sakura"].untold) == {"rule": 1}
    answer = archivist.get(reverse(ENDING))
    content = answer.content.decode()
    for fact in ("the patient&#x27;s birth date", "no rule of the law is in force", "1 expired, 0 stepped", "agree."):
        assert fact in content, fact
    for _label, count, href in answer.context["figures"]:
        assert archivist.get(href).context["cl"].result_count == int(count), href


def test_deletions_and_problems_are_counted(archivist: Client, stuck: Disposition) -> None:
    with as_center():
        [found] = standings(timezone.now())
    assert (found.problems, found.deleted) == (1, 0)
    told(archivist, act_address(stuck, "try_again"))
    with as_center():
        [found] = standings(timezone.now())
        assert (found.problems, found.deleted) == (0, 1)
        assert standings(timezone.now() + timedelta(days=31)) == []


def test_clocks_that_differ_are_an_alert(archivist: Client, expired: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def differ() -> None:
        raise ClocksDiffer("The clocks differ by 400 seconds")

    monkeypatch.setattr(ending, "agreed_now", differ)
    for address in (reverse(ENDING), reverse("admin:index")):
        content = shown(archivist, address)
        assert 'role="alert"' in content
        assert "differ by 400 seconds" in content


def test_a_leap_since_the_last_sweep_is_an_alert(archivist: Client, expired: Study) -> None:
    sweep.sweep()
    assert 'role="alert"' not in shown(archivist, reverse(ENDING))
    with as_center():
        late = ending.sweeping(timezone.now() + timedelta(days=2))
        leapt = ending.sweeping(timezone.now() + timedelta(days=8))
    assert (late.is_late, late.obstacle) == (True, "")
    assert "--trust-clock" in leapt.obstacle


def test_an_empty_center_has_an_empty_page(archivist: Client) -> None:
    content = shown(archivist, reverse(ENDING))
    assert "No sweep yet" in content
    assert "nothing went wrong" in content


def test_only_staff_who_may_read_see_the_page(
    archivist: Client, signed_in: Callable[..., Client], sakura: Facility
) -> None:
    address = reverse(ENDING)
    assert Client().get(address).status_code == 302
    assert signed_in("owner@sakura.example", sakura=Role.OWNER).get(address).status_code == 302
    newcomer = signed_in("new@center.example", is_staff=True)
    assert newcomer.get(address).status_code == 403
    assert address not in shown(newcomer, reverse("admin:index"))
    assert address in shown(archivist, reverse("admin:index"))


def test_the_overview_counts_what_staff_must_look_at(archivist: Client, stuck: Disposition) -> None:
    answer = archivist.get(reverse("admin:index"), {"work": "overview"})
    assert [figure.value for figure in answer.context["ending"]] == ["0", "0", "1", "0"]
    for figure in answer.context["ending"]:
        assert archivist.get(figure.href).context["cl"].result_count == int(figure.value)
    with as_center():
        assert not Retention.objects.exists()
