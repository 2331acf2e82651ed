"""Reports that nobody waits for any more: a worker leaves off, and nothing of them stays."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError
from django.test import Client

from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.evidence.models import Report, ReportState
from apps.evidence.reporting import cancel_report, make_due
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from tests.evidence.stories import soon, wanted_report
from tests.forked import Forked

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def report(sakura: Facility) -> Report:
    return wanted_report(sakura)


def test_a_report_is_cancelled_while_a_worker_makes_it_and_asked_for_again(
    report: Report, signed_in: Callable[..., Client]
) -> None:
    owner = signed_in("owner@example.org", sakura=Role.OWNER)
    page = f"/f/sakura/accountability/reports/{report.pk}/"
    assert f"{page}cancel" in owner.get(page).content.decode()
    worker = Forked("tests.evidence.making_process", soon().isoformat())
    assert worker.stdout.readline() == "begun\n"
    assert owner.post(f"{page}cancel").status_code == 302
    assert worker.communicate("go on\n")[0] == "0\n"
    with as_center():
        cancelled = Report.objects.get()
        assert (cancelled.state, cancelled.facts, cancelled.jws) == (ReportState.CANCELLED, {}, "")
        assert Event.objects.filter(action="evidence_report.cancelled").count() == 1
    owner.post(f"{page}cancel")
    content = owner.get(page).content.decode()
    for told in ("It was cancelled", "The report is not being made any more.", "Ask again"):
        assert told in content
    asked = owner.post("/f/sakura/accountability/reports/ask", {
        "first_on": f"{report.first_on}", "last_on": f"{report.first_on}",
    })  # fmt: skip
    assert asked.status_code == 302
    assert make_due(now=soon()) == 1


def test_a_facility_changes_nothing_of_a_report_but_that_nobody_waits_for_it(report: Report) -> None:
    for changed in ({"state": ReportState.READY}, {"jws": "forged"}, {"percent": 99}):
        with pytest.raises(DatabaseError), as_facility(report.facility_id):
            Report.objects.update(**changed)
    with as_facility(report.facility_id):
        cancel_report(report, actor=SYSTEM)
    with pytest.raises(DatabaseError), as_facility(report.facility_id):
        Report.objects.update(state=ReportState.REQUESTED)
