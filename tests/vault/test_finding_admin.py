"""Staff find open findings first, and see at a glance what was done."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.models import Finding, Pack
from tests.vault.damage import cut, findings, flip, path_of, stored_packs, verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(settings: Any, signed_in: Callable[..., Client]) -> Client:
    settings.STAFF_SECOND_FACTOR = False
    client = signed_in("root@center.example", is_staff=True)
    User.objects.filter(email="root@center.example").update(is_superuser=True)
    return client


@pytest.fixture
def packs(sakura: Facility) -> list[Pack]:
    """One that is damaged in both places, and two that were repaired, before and after."""
    found = stored_packs(sakura, 3)
    cut(path_of(found[0], "replica"))
    verify()
    for alias in ("primary", "replica"):
        flip(path_of(found[1], alias))
    verify()
    cut(path_of(found[2], "primary"))
    verify()
    return found


def test_open_findings_come_first(staff: Client, packs: list[Pack]) -> None:
    listed = staff.get(reverse("admin:vault_finding_changelist")).context["cl"].result_list
    names = [pack.name for pack in packs]
    assert [names.index(finding.pack_name) for finding in listed] == [1, 1, 2, 0]


def test_the_list_says_what_was_done(staff: Client, packs: list[Pack]) -> None:
    content = staff.get(reverse("admin:vault_finding_changelist")).content.decode()
    assert content.count("open: the other copy is damaged too") == 2
    assert content.count("repaired from the other copy") >= 2


def test_the_page_of_a_pack_lists_what_was_found(staff: Client, packs: list[Pack]) -> None:
    content = staff.get(reverse("admin:vault_pack_change", args=[packs[0].pk])).content.decode()
    (finding,) = findings(packs[0])
    assert reverse("admin:vault_finding_change", args=[finding.pk]) in content
    page = staff.get(reverse("admin:vault_finding_change", args=[finding.pk])).content.decode()
    assert f"damaged/{packs[0].name}" in page
    assert bytes(finding.read_sha256 or b"").hex() in page


def test_the_first_page_counts_what_is_open(staff: Client, packs: list[Pack]) -> None:
    overview = staff.get(reverse("admin:index"), {"work": "overview"})
    figures = {figure.title: figure for figure in overview.context["waiting"]}
    assert (figures["Open findings"].value, figures["Open findings"].is_pressing) == ("2", True)
    with as_center():
        assert Finding.objects.count() == 4
