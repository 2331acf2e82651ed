"""The rounds of the demonstration: what its terminals, visits and receipts show."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from apps.collection.models import Capacity, Collection, CollectionRequest, Receipt, ReceiptKind, State, Terminal
from apps.collection.overdue import neglected
from apps.collection.schedule import Outlook, outlooks
from apps.collection.worklist import worklist
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from medvault.demo.phantoms import clinic_files
from medvault.demo.rounds import on_a_visit, seed_rounds


@pytest.fixture
def seeded(sakura: Facility, lindenhof: Facility) -> list[Outlook]:
    """The outlooks of the demonstration's terminals, seeded twice as after an interrupted start."""
    now = timezone.now()
    today = now.date()
    for facility in (sakura, lindenhof):
        wanted = partial(on_a_visit, facility.slug, today)
        files = list(clinic_files(facility.slug, today=today, wanted=wanted))
        for _again in range(2):
            seed_rounds(facility, files, now=now)
    with as_center():
        return outlooks(list(Terminal.objects.select_related("facility").order_by("pk")), as_of=now)


def test_every_terminal_has_a_forecast_and_the_pages_something_to_show(seeded: list[Outlook]) -> None:
    now = timezone.now()
    assert all(each.forecast and each.forecast.full_on for each in seeded)
    assert any(each.proposed_days for each in seeded)
    assert any(each.requests for each in seeded)
    assert len(neglected(seeded, now=now)) == 1
    stops = worklist(seeded, now=now, today=now.date(), last=now.date() + timedelta(days=14))
    assert {stop.outlook.terminal.name for stop in stops} == {each.terminal.name for each in seeded}


def test_visits_lie_in_the_past_and_have_both_receipts(seeded: list[Outlook]) -> None:
    with as_center():
        collections = list(Collection.objects.order_by("pk"))
        kinds = list(Receipt.objects.values_list("collection_id", "kind"))
    assert collections
    assert {each.state for each in collections} == {State.STORED}
    assert all(each.stored_at and each.stored_at - each.opened_at < timedelta(hours=1) for each in collections)
    assert sorted(kinds) == sorted((each.pk, kind.value) for each in collections for kind in ReceiptKind)


def test_seeding_again_adds_nothing(seeded: list[Outlook]) -> None:
    with as_center():
        once = len(seeded), CollectionRequest.objects.filter(withdrawn_at=None).count()
        assert Terminal.objects.count() == once[0]
        assert once[1] == 2
        reports = Capacity.objects.values_list("terminal_id", "reported_at")
        assert len(reports) == len(set(reports))
        assert Collection.objects.values("terminal_id", "opened_at").distinct().count() == Collection.objects.count()
