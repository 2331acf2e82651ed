"""A facility sees when its packs were last verified, and that copies are damaged."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.portal.fixity_line import fixity_line
from apps.vault.models import Finding, Pack
from apps.vault.standing import Fixity
from tests.portal.pages import dicom, only_study, queries_of, store, url

EARLY, LATE = datetime(2026, 10, 3, 4, 5, tzinfo=UTC), datetime(2026, 11, 2, 6, 7, tzinfo=UTC)


@pytest.fixture
def packs(sakura: Facility) -> list[Pack]:
    """Two packs, verified a month apart."""
    store(sakura, dicom(1))
    store(sakura, dicom(2))
    replicate_pending()
    with as_center():
        found = list(Pack.objects.order_by("pk"))
        for pack, at in zip(found, (EARLY, LATE), strict=True):
            Pack.objects.filter(pk=pack.pk).update(verified_at=at)
    return found


def damage(pack: Pack) -> None:
    with as_center():
        for place in ("primary", "replica"):
            Finding.objects.create(
                facility_id=pack.facility_id, pack=pack, pack_name=pack.name, place=place, damage="missing",
                found_at=LATE,
            )  # fmt: skip


def dashboard(client: Client) -> str:
    return client.get(url("dashboard")).content.decode()


def test_the_first_page_says_between_when_everything_was_verified(packs: list[Pack], viewer: Client) -> None:
    page = dashboard(viewer)
    assert "All 2 packs were last read and verified in both places between 2026-10-03 and 2026-11-02." in page
    assert "Damage found" not in page


def test_an_empty_facility_has_no_such_line(viewer: Client) -> None:
    assert "verified in both places" not in dashboard(viewer)


def test_one_day_and_one_pack_are_said_so() -> None:
    assert fixity_line(Fixity(1, LATE, LATE, 0)).startswith("The only pack was last read and verified")
    assert fixity_line(Fixity(2, LATE, LATE, 0)).endswith("in both places on 2026-11-02.")


def test_damage_is_told_once_for_a_pack_and_all_is_not_well(packs: list[Pack], viewer: Client) -> None:
    damage(packs[0])
    page = dashboard(viewer)
    assert "1 pack does not match its record, in one place or in both" in page
    assert "All is well" not in page
    assert "All 2 packs were last read and verified" not in page
    assert "2 packs were last found good in both places between 2026-10-03 and 2026-11-02." in page


def test_damage_elsewhere_is_nobody_elses(packs: list[Pack], lindenhof: Facility, stranger: Client) -> None:
    damage(packs[0])
    assert "Damage found" not in stranger.get(url("dashboard", "lindenhof")).content.decode()


def test_the_page_of_a_study_says_when_its_packs_were_verified(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(1))
    assert "Last verified" not in study(sakura, viewer)
    replicate_pending()
    with as_center():
        Pack.objects.update(verified_at=LATE)
    page = study(sakura, viewer)
    assert "Last verified" in page
    assert "2026-11-02 06:07" in page


def test_the_page_of_a_study_says_that_a_copy_is_damaged(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(1))
    replicate_pending()
    with as_center():
        pack = Pack.objects.get()
    damage(pack)
    assert "Damage found" in study(sakura, viewer)
    with as_center():
        Finding.objects.update(resolved_at=LATE)
    assert "Damage found" not in study(sakura, viewer)


def study(facility: Facility, client: Client) -> str:
    return client.get(url("study", study_id=only_study(facility).pk)).content.decode()


def test_it_asks_as_often_for_many_findings_as_for_one(packs: list[Pack], viewer: Client) -> None:
    damage(packs[0])
    dashboard(viewer)
    once = queries_of(viewer, url("dashboard"))
    damage(packs[1])
    assert queries_of(viewer, url("dashboard")) == once
