"""Sweeping and assessing by hand."""

from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.holds import place_hold
from apps.catalog.models import HoldKind
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention import sweep
from apps.retention.assessing import assess_pending
from apps.retention.clocks import today
from apps.retention.errors import ClocksDiffer
from apps.retention.forecasting import end_of, forecast
from apps.retention.models import Disposition, OnExpiry, OnSilence, Retention, State
from tests.retention.stories import agreed, dispositions, in_force, overdue, stored

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}


def sweeping(*arguments: str) -> str:
    out = StringIO()
    call_command("sweep_retention", *arguments, stdout=out)
    return out.getvalue()


def foreseen(day: date) -> dict[str, tuple[int, int, int]]:
    with as_center():
        return {each.facility.slug: (each.expired, each.stepped, each.deleted) for each in forecast(end_of(day))}


@pytest.fixture
def two(lindenhof: Facility) -> Facility:
    """Two adults' studies: one ended on 19 January 2014, one ends on 1 January 2035."""
    in_force("de-diag")
    stored(lindenhof, **BORN)
    stored(lindenhof, date(2025, 1, 1), PatientID="another", **BORN)
    return lindenhof


def test_a_dry_run_takes_a_day_and_does_nothing(two: Facility) -> None:
    assert foreseen(date(2014, 1, 19)) == {}
    assert foreseen(date(2014, 1, 20)) == {"lindenhof": (1, 0, 0)}
    assert foreseen(date(2035, 1, 1)) == {"lindenhof": (1, 0, 0)}
    assert foreseen(date(2035, 1, 2)) == {"lindenhof": (2, 0, 0)}
    out = sweeping("--dry-run", "--as-of", "2035-01-02").split()
    assert out[out.index("lindenhof") :][:8:2][1:] == ["2", "0", "0"]
    assert dispositions() == []


def test_a_day_begins_and_ends_at_the_last_place_on_earth() -> None:
    assert today(end_of(date(2026, 5, 1))) == date(2026, 5, 1)
    assert today(end_of(date(2026, 5, 1)) + timedelta(seconds=1)) == date(2026, 5, 2)


def test_what_is_held_is_not_foreseen(two: Facility) -> None:
    with as_center():
        for each in Retention.objects.select_related("study"):
            place_hold(each.study, kind=HoldKind.LEGAL, reason="a trial", actor=SYSTEM, now=timezone.now())
    assert foreseen(date(2035, 1, 2)) == {}


@pytest.mark.parametrize(
    ("policy", "first", "then"),
    [
        ({}, (1, 0, 0), (0, 1, 0)),
        ({"on_silence": OnSilence.DELETE}, (1, 0, 0), (0, 1, 1)),
        ({"on_expiry": OnExpiry.DELETE}, (1, 0, 1), None),
    ],
)
def test_a_dry_run_foresees_what_the_sweep_then_does(
    two: Facility, policy: dict[str, Any], first: tuple[int, int, int], then: tuple[int, int, int] | None
) -> None:
    agreed(two, **policy)
    day = today(timezone.now())
    assert foreseen(day) == {"lindenhof": first}
    swept = sweep.sweep()
    assert (swept.expired, swept.stepped, swept.deleted) == first
    if then is None:
        return
    overdue(dispositions()[0])
    assert foreseen(day) == {"lindenhof": then}
    swept = sweep.sweep()
    assert (swept.expired, swept.stepped, swept.deleted) == then


def test_a_sweep_by_hand_says_what_it_did(two: Facility) -> None:
    assert sweeping() == "1 expired, 0 stepped, 0 deleted, 0 failed and are tried again\n"
    assert [each.state for each in dispositions()] == [State.NOTIFIED]


def test_a_day_is_for_dry_runs_alone(two: Facility) -> None:
    with pytest.raises(CommandError, match="dry-run") as refused:
        sweeping("--as-of", "2035-01-02")
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="no day like 2027-04-01"):
        sweeping("--dry-run", "--as-of", "2035-13-02")
    assert dispositions() == []


def test_clocks_that_differ_are_an_exit_status_of_their_own(two: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*, trusts_clock: bool) -> None:
        assert trusts_clock
        raise ClocksDiffer("The clocks differ")

    monkeypatch.setattr("apps.retention.management.commands.sweep_retention.sweep", refuse)
    with pytest.raises(CommandError, match="differ") as refused:
        sweeping("--trust-clock")
    assert refused.value.returncode == 1


def test_all_studies_are_assessed_again_on_demand(two: Facility, sakura: Facility) -> None:
    stored(sakura)
    assert assess_pending() == 0
    call_command("assess_retention", facility="sakura", stdout=StringIO())
    assert assess_pending() == 1
    call_command("assess_retention", stdout=StringIO())
    assert assess_pending() == 3
    with pytest.raises(CommandError, match="no facility"):
        call_command("assess_retention", facility="nowhere")


def test_what_was_approved_is_foreseen(two: Facility) -> None:
    sweep.sweep()
    with as_center():
        Disposition.objects.update(state=State.APPROVED, approved_at=timezone.now())
    assert foreseen(today(timezone.now())) == {"lindenhof": (0, 0, 1)}
