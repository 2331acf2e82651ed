"""What terminals are told of their schedule: by the contract of their facility, where there is one."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.collection.enrolment import issue_code
from apps.collection.models import Terminal
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.tiers.models import Way
from tests.contracts.stories import in_force, price_list, tier_version
from tests.portal.test_terminals import KEY

pytestmark = pytest.mark.django_db
AGREED = ("push_every_hours", "agreed_instances", "agreed_bytes")


def test_a_terminal_is_told_what_its_facilitys_contract_says(sakura: Facility, client: Client) -> None:
    with as_center():
        terminal = Terminal.objects.create(
            facility=sakura, name="X-ray room", push_every_hours=24, agreed_instances=5, agreed_bytes=6
        )

    def told() -> list[Any]:
        """When it enrols, and when it reports with the token that it was given."""
        code = issue_code(terminal, actor=SYSTEM, now=timezone.now())
        enrolled = client.post("/api/v1/enrol/", {"code": code, "jwk": KEY}, "application/json").json()
        [place] = enrolled["facilities"]
        headers = {"Authorization": f"Bearer {place['token']}"}
        asked = client.get(f"/api/v1/f/sakura/terminals/{terminal.uid}/", headers=headers)
        assert asked.status_code == 200
        return [tuple(each[name] for name in AGREED) for each in (*place["terminals"], asked.json())]

    assert told() == [(24, 5, 6)] * 2
    daily = tier_version("daily", frequency="daily", ways=[Way.ONLINE], agreed_instances=9)
    in_force(sakura, timezone.now().date() - timedelta(days=9), price_list(daily))
    assert told() == [(24, 9, None)] * 2
    with as_center():
        Terminal.objects.update(push_every_hours=3)
    assert told() == [(24, 9, None)] * 2
