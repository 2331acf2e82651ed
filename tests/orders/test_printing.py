"""Staff have film printed, and dispatch it when it was; the pages for it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.core.errors import DomainError
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.models import Order, OrderKind, PrintJob, State
from apps.orders.printing import finish_job, start_printing
from apps.orders.working import dispatch, send_back
from tests.orders.sheet_stories import job_of, made, output_of, printer, printing
from tests.orders.stories import may_order, now, produce, state_of
from tests.portal.pages import dicom, store
from tests.retention.workplace import act_address, events, in_group, page_address, shown, told

pytestmark = pytest.mark.usefixtures("committed_db")
FILM, PAPER = OrderKind.FILM, OrderKind.PAPER


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    store(sakura, dicom(1, 1))
    may_order(sakura)
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], clinic: Facility) -> User:
    return person("staff@center.example", is_staff=True)


@pytest.fixture
def operator(signed_in: Callable[..., Client], clinic: Facility) -> Client:
    return in_group(signed_in, "operator")


def printed(job: PrintJob) -> None:
    with as_center():
        finish_job(job, now=now())


def looked_at(client: Client, order: Order) -> bytes:
    answer: Any = client.get(act_address(order, "look_at_sheets"))
    return b"".join(answer.streaming_content)


def test_film_is_dispatched_when_the_last_production_was_printed(clinic: Facility, staff: User) -> None:
    order, on = made(clinic, staff, FILM, layout="5x6"), printer()
    by: dict[str, Any] = {"by": staff, "actor": SYSTEM}
    with pytest.raises(DomainError, match="not been printed"), as_center():
        dispatch(order, **by, now=now())
    printed(printing(order, on, staff))
    with as_center():
        send_back(order, reason="scratched", **by, now=now())
    produce(order, staff)
    with pytest.raises(DomainError, match="not been printed"), as_center():
        dispatch(order, **by, now=now())
    printed(printing(order, on, staff))
    with as_center():
        dispatch(order, **by, now=now())
    assert state_of(order) == State.DISPATCHED


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"is_enabled": False}, "switched off"),
        ({"film_sizes": ["A3"]}, "film of this size"),
        ({"medium_types": ["PAPER"]}, "this medium"),
    ],
)
def test_only_a_printer_that_can_prints(clinic: Facility, staff: User, facts: dict[str, Any], refusal: str) -> None:
    order = made(clinic, staff, FILM, layout="5x6")
    with pytest.raises(DomainError, match=refusal):
        printing(order, printer(**facts), staff)


def test_what_is_printed_already_or_no_film_is_not_printed(clinic: Facility, staff: User) -> None:
    order, on = made(clinic, staff, FILM, layout="5x6"), printer()
    printing(order, on, staff)
    with pytest.raises(DomainError, match="already"):
        printing(order, on, staff)
    with pytest.raises(DomainError, match="when it is ready"), as_center():
        start_printing(
            made(clinic, staff, PAPER, layout="5x6"), printer=on, medium_type="PAPER", by=staff, actor=SYSTEM, now=now()
        )


def test_staff_look_at_film_print_it_and_answer_for_the_sheet_in_doubt(
    clinic: Facility, staff: User, operator: Client
) -> None:
    order, on = made(clinic, staff, FILM, layout="5x6"), printer()
    page = shown(operator, page_address(order))
    assert act_address(order, "print_film") in page
    assert act_address(order, "go_on_printing") not in page
    content = looked_at(operator, order)
    assert content.startswith(b"%PDF")
    assert [each.details for each in events("order.looked_at")] == [{"production": 1}]
    wish = {"printer": on.pk, "medium_type": "BLUE FILM"}
    assert told(operator, act_address(order, "dispatch")) == ["It has not been printed yet"]
    assert told(operator, act_address(order, "print_film"), **wish) == ["It is printed within a minute."]
    with as_center():
        PrintJob.objects.update(next_at=None, sending=1, problem="FILM JAM")
    assert "FILM JAM" in shown(operator, page_address(order))
    [refusal] = told(operator, act_address(order, "go_on_printing"), **wish)
    assert refusal.startswith("Say whether sheet 1 came out")
    assert told(operator, act_address(order, "go_on_printing"), came_out="yes", **wish) == [
        "It goes on within a minute."
    ]
    assert job_of(order).printed == 1
    printed(job_of(order))
    assert told(operator, act_address(order, "dispatch")) == ["It is dispatched."]


def test_paper_is_looked_at_too(clinic: Facility, staff: User, operator: Client) -> None:
    order = made(clinic, staff, PAPER, layout="5x6")
    assert looked_at(operator, order) == output_of(order).read()
    assert act_address(order, "print_film") not in shown(operator, page_address(order))


def test_others_print_nothing(clinic: Facility, staff: User, signed_in: Callable[..., Client]) -> None:
    order, archivist = made(clinic, staff, FILM, layout="5x6"), in_group(signed_in, "archivist")
    for act in ("look_at_sheets", "print_film"):
        assert act_address(order, act) not in shown(archivist, page_address(order))
        assert archivist.post(act_address(order, act), {"_form_submitted": "True"}).status_code in {302, 403}
