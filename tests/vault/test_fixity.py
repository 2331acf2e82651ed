"""Every copy is read again; what is damaged is told once, and repaired from the other copy where that one is good."""

import errno
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as live_settings
from django.db import DatabaseError, transaction

from apps.audit.models import Event
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.budget import Budget
from apps.vault.models import Finding, Pack
from apps.vault.packs import erase_pack
from apps.vault.places import DirectoryPlace
from apps.vault.repair import KEPT_ASIDE
from apps.vault.standing import fixity_of
from tests.portal.pages import dicom, store
from tests.vault.damage import (
    BOTH,
    DAMAGES,
    age,
    aside_of,
    cut,
    delete,
    findings,
    flip,
    fresh,
    is_good,
    path_of,
    put,
    stored_packs,
    told,
    verify,
)


@pytest.fixture
def packs(sakura: Facility) -> list[Pack]:
    return stored_packs(sakura, 3)


def events(action: str) -> list[Event]:
    with as_center():
        return list(Event.objects.filter(action=action))


def test_good_copies_are_verified_and_nothing_is_told(packs: list[Pack]) -> None:
    run = verify()
    assert (run.packs, run.found, run.repaired, run.unavailable) == (3, [], 0, "")
    assert run.size_bytes == 2 * sum(pack.size_bytes for pack in packs)
    assert findings() == []
    for pack in packs:
        after = fresh(pack)
        assert after.verified_at == after.checked_at
        assert after.verified_at is not None


@pytest.mark.parametrize("alias", BOTH)
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_copy_is_repaired_from_the_other(packs: list[Pack], kind: str, alias: str) -> None:
    damage, name = DAMAGES[kind]
    path = path_of(packs[1], alias)
    damage(path)
    bad = path.read_bytes() if path.exists() else None
    run = verify()
    assert (len(run.found), run.repaired) == (1, 1)
    assert told(packs[1]) == {(alias, name, "", "repaired")}
    assert is_good(packs[1], "primary")
    assert is_good(packs[1], "replica")
    assert fresh(packs[1]).verified_at is not None
    (finding,) = findings()
    assert finding.resolved_at is not None
    kept = aside_of(packs[1], alias)
    assert (kept.read_bytes() if kept.exists() else None) == bad
    assert finding.kept_as == ("" if bad is None else f"damaged/{packs[1].name}")
    assert [event.details["place"] for event in events("pack.damaged")] == [alias]
    assert [event.object_id for event in events("pack.repaired")] == [str(packs[1].pk)]


@pytest.mark.parametrize("alias", BOTH)
def test_a_copy_swapped_with_another_packs_is_repaired(packs: list[Pack], alias: str) -> None:
    one, other = (path_of(pack, alias) for pack in packs[:2])
    first, second = one.read_bytes(), other.read_bytes()
    put(one, second)
    put(other, first)
    assert verify().repaired == 2
    for pack in packs[:2]:
        assert is_good(pack, alias)
        assert [place for place, *_ in told(pack)] == [alias]


@pytest.mark.parametrize("kind", DAMAGES)
def test_two_bad_copies_are_left_as_they_are(packs: list[Pack], kind: str) -> None:
    damage, name = DAMAGES[kind]
    damage(path_of(packs[1], "primary"))
    flip(path_of(packs[1], "replica"))
    cut(path_of(packs[1], "replica"))
    before = [path.read_bytes() if (path := path_of(packs[1], alias)).exists() else None for alias in BOTH]
    verified = fresh(packs[1]).verified_at
    run = verify()
    assert (len(run.found), run.repaired) == (2, 0)
    assert told(packs[1]) == {
        ("primary", name, "both_damaged", ""), ("replica", "truncated", "both_damaged", ""),
    }  # fmt: skip
    after = [path.read_bytes() if (path := path_of(packs[1], alias)).exists() else None for alias in BOTH]
    assert after == before
    assert fresh(packs[1]).verified_at == verified
    assert not aside_of(packs[1], "primary").exists()


def test_a_pack_lost_in_both_places_is_told(packs: list[Pack]) -> None:
    for alias in BOTH:
        delete(path_of(packs[0], alias))
    verify()
    assert told(packs[0]) == {(alias, "missing", "both_damaged", "") for alias in BOTH}


@pytest.mark.parametrize("column", ["sha256", "size_bytes"])
def test_an_altered_digest_changes_no_copy_and_the_finding_says_which_is_altered(
    packs: list[Pack], column: str
) -> None:
    before = [path_of(packs[0], alias).read_bytes() for alias in BOTH]
    with as_center():
        Pack.objects.filter(pk=packs[0].pk).update(**{column: {"sha256": bytes(32), "size_bytes": 5}[column]})
    run = verify()
    assert (len(run.found), run.repaired) == (1, 0)
    assert told(packs[0]) == {("record", "record_altered", "record", "")}
    (finding,) = findings()
    assert finding.agrees_with_manifest is True
    assert bytes(finding.read_sha256 or b"") == bytes(packs[0].sha256)
    assert finding.read_bytes == packs[0].size_bytes
    assert [path_of(packs[0], alias).read_bytes() for alias in BOTH] == before
    assert fresh(packs[0]).verified_at is None
    assert [getattr(fresh(packs[0]), column)] != [getattr(packs[0], column)]


def test_bytes_altered_alike_in_both_places_are_not_blamed_on_the_record(packs: list[Pack]) -> None:
    for alias in BOTH:
        flip(path_of(packs[0], alias))
    verify()
    assert told(packs[0]) == {(alias, "other_bytes", "both_damaged", "") for alias in BOTH}
    assert {finding.agrees_with_manifest for finding in findings()} == {False}


def test_another_whole_pack_in_both_places_is_not_blamed_on_the_record(packs: list[Pack]) -> None:
    for alias in BOTH:
        put(path_of(packs[0], alias), path_of(packs[1], alias).read_bytes())
    verify()
    assert {(place, obstacle) for place, _, obstacle, _ in told(packs[0])} == {
        ("primary", "both_damaged"), ("replica", "both_damaged"),
    }  # fmt: skip
    assert {finding.agrees_with_manifest for finding in findings()} == {False}


def test_an_altered_digest_beside_one_damaged_copy_says_which_copy_is_whole(packs: list[Pack]) -> None:
    with as_center():
        Pack.objects.filter(pk=packs[0].pk).update(sha256=bytes(32))
    flip(path_of(packs[0], "replica"))
    verify()
    assert {(each.place, each.obstacle, each.agrees_with_manifest) for each in findings()} == {
        ("primary", "both_damaged", True), ("replica", "both_damaged", False),
    }  # fmt: skip
    assert not is_good(packs[0], "replica")


def test_what_staff_set_right_is_found_good_again(packs: list[Pack]) -> None:
    whole = path_of(packs[0], "primary").read_bytes()
    for alias in BOTH:
        flip(path_of(packs[0], alias))
    verify()
    put(path_of(packs[0], "primary"), whole)
    run = verify()
    assert (len(run.found), run.repaired) == (0, 1)
    assert told(packs[0]) == {
        ("primary", "other_bytes", "both_damaged", "found_good"),
        ("replica", "other_bytes", "both_damaged", "repaired"),
    }
    assert is_good(packs[0], "replica")


def test_a_finding_is_told_once(packs: list[Pack], caplog: pytest.LogCaptureFixture) -> None:
    for alias in BOTH:
        flip(path_of(packs[0], alias))
    for _ in range(3):
        verify()
    assert len(findings()) == 2
    assert len(events("pack.damaged")) == 2
    assert len([line for line in caplog.records if line.levelno == logging.ERROR]) == 2


def test_what_is_found_otherwise_later_is_told_again(packs: list[Pack]) -> None:
    for alias in BOTH:
        flip(path_of(packs[0], alias))
    verify()
    delete(path_of(packs[0], "replica"))
    verify()
    assert told(packs[0]) == {
        ("primary", "other_bytes", "both_damaged", ""),
        ("replica", "other_bytes", "both_damaged", "changed"),
        ("replica", "missing", "both_damaged", ""),
    }


def test_the_log_names_no_patient(packs: list[Pack], caplog: pytest.LogCaptureFixture) -> None:
    flip(path_of(packs[0], "primary"))
    delete(path_of(packs[1], "replica"))
    verify()
    assert "Mori" not in caplog.text
    assert packs[0].name in caplog.text


def test_a_pack_that_is_not_copied_yet_is_read_in_the_primary_alone(sakura: Facility, packs: list[Pack]) -> None:
    store(sakura, dicom(9))
    with as_center():
        pack = Pack.objects.get(replicated_at=None)
    assert verify().found == []
    assert (fresh(pack).checked_at is not None, fresh(pack).verified_at) == (True, None)
    flip(path_of(pack, "primary"))
    verify()
    assert told(pack) == {("primary", "other_bytes", "one_copy", "")}
    assert not path_of(pack, "replica").exists()


# Places that do not answer


@pytest.mark.parametrize("alias", BOTH)
@pytest.mark.parametrize("what", ["gone", "empty"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_place_that_is_not_available_damages_nothing(
    sakura: Facility, alias: str, what: str, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    packs = stored_packs(sakura, count)
    root = Path(live_settings.STORAGES[alias]["OPTIONS"]["location"])
    root.rename(root.with_name("elsewhere"))
    if what == "empty":
        root.mkdir()
    run = verify()
    assert f"The {alias} is not available" in run.unavailable
    assert (run.packs, run.found, findings()) == (0, [], [])
    assert run.unavailable in caplog.text
    assert not (root.is_dir() and list(root.iterdir()))
    assert fresh(packs[0]).checked_at is None
    shutil.rmtree(root, ignore_errors=True)
    root.with_name("elsewhere").rename(root)
    assert (verify().found, verify().unavailable) == ([], "")


def test_a_disk_on_which_new_packs_were_written_meanwhile_is_not_taken_for_the_old_one(
    sakura: Facility, packs: list[Pack]
) -> None:
    root = Path(live_settings.STORAGES["replica"]["OPTIONS"]["location"])
    root.rename(root.with_name("elsewhere"))
    stored_packs(sakura, 4)
    run = verify()
    assert "The replica is not available" in run.unavailable
    assert findings() == []


def test_an_unreadable_sector_is_damage_of_one_pack(packs: list[Pack], monkeypatch: pytest.MonkeyPatch) -> None:
    pieces, bad = DirectoryPlace.pieces, path_of(packs[1], "replica")
    inode = bad.stat().st_ino

    def broken(self: DirectoryPlace, name: str, offset: int, size: int) -> Any:
        path = Path(self.path(name))
        if path.exists() and path.stat().st_ino == inode:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pieces(self, name, offset, size)

    monkeypatch.setattr(DirectoryPlace, "pieces", broken)
    assert verify().repaired == 1
    assert told(packs[1]) == {("replica", "unreadable", "", "repaired")}


def test_a_fault_that_passes_is_no_finding(packs: list[Pack], monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = DirectoryPlace.pieces
    failed: list[str] = []

    def faltering(self: DirectoryPlace, name: str, offset: int, size: int) -> Any:
        if not failed:
            failed.append(name)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pieces(self, name, offset, size)

    monkeypatch.setattr(DirectoryPlace, "pieces", faltering)
    assert verify().found == []
    assert findings() == []


def test_a_repair_that_cannot_be_written_stays_open_and_is_tried_again(
    packs: list[Pack], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = path_of(packs[0], "replica")
    flip(bad)
    content = bad.read_bytes()

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        assert verify().repaired == 0
    assert told(packs[0]) == {("replica", "other_bytes", "not_written", "")}
    assert bad.read_bytes() == content
    assert verify(is_all=False).repaired == 0
    age(packs[0], 1.1)
    assert verify(is_all=False).repaired == 1
    assert is_good(packs[0], "replica")


def test_a_repaired_copy_that_reads_differently_again_is_not_called_repaired(
    packs: list[Pack], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = path_of(packs[0], "replica")
    flip(bad)
    copy = DirectoryPlace.copy_from

    def badly(self: DirectoryPlace, other: Any, name: str, spool: Path) -> None:
        copy(self, other, name, spool)
        flip(Path(self.path(name)))

    verified = fresh(packs[0]).verified_at
    monkeypatch.setattr(DirectoryPlace, "copy_from", badly)
    assert verify().repaired == 0
    assert told(packs[0]) == {("replica", "other_bytes", "not_written", "")}
    assert fresh(packs[0]).verified_at == verified


def test_damaged_bytes_are_kept_of_so_many_packs_and_no_more(
    packs: list[Pack], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEPT_ASIDE >= 10
    monkeypatch.setattr("apps.vault.repair.KEPT_ASIDE", 2)
    for pack in packs:
        flip(path_of(pack, "replica"))
        verify()
    assert [aside_of(pack, "replica").exists() for pack in packs] == [False, True, True]
    assert [finding.kept_as != "" for finding in findings()] == [False, True, True]


def test_what_was_kept_aside_goes_when_its_pack_is_erased(packs: list[Pack]) -> None:
    flip(path_of(packs[0], "replica"))
    verify()
    assert aside_of(packs[0], "replica").exists()
    erase_pack(packs[0].name)
    assert not aside_of(packs[0], "replica").exists()


# What is due


def test_what_is_due_is_read_and_nothing_else(packs: list[Pack], settings: Any) -> None:
    settings.FIXITY_DAYS = 10
    verify()
    age(packs[0], 9.1)
    age(packs[1], 8.9)
    before = [fresh(pack).checked_at for pack in packs]
    assert verify(is_all=False).packs == 1
    assert [fresh(pack).checked_at == was for pack, was in zip(packs, before, strict=True)] == [False, True, True]


def test_the_oldest_is_read_first_within_the_budget_and_the_next_run_goes_on(packs: list[Pack]) -> None:
    for pack, days in zip(packs, (40, 60, 50), strict=True):
        age(pack, days)
    size = 2 * packs[0].size_bytes
    order = []
    for _ in range(3):
        run = verify(is_all=False, budget=Budget(nbytes=size + 10))
        assert (run.packs, run.size_bytes) == (1, size)
        order += [pack for pack in packs if (at := fresh(pack).checked_at) and at >= run.begun_at]
    assert [packs.index(pack) for pack in order] == [1, 2, 0]
    assert verify(is_all=False).packs == 0


def test_a_pack_larger_than_the_budget_is_read_all_the_same(packs: list[Pack]) -> None:
    for pack in packs:
        age(pack, 40)
    assert verify(is_all=False, budget=Budget(nbytes=1)).packs == 1


def test_time_that_is_up_ends_a_run_before_the_next_pack(packs: list[Pack]) -> None:
    for pack in packs:
        age(pack, 40)
    assert verify(is_all=False, budget=Budget(seconds=0)).packs == 0


def test_a_pack_that_was_just_stored_is_not_read_again(packs: list[Pack]) -> None:
    with as_center():
        Pack.objects.update(created_at="2026-01-01T00:00Z")
        latest = Pack.objects.order_by("-pk")[0]
        Pack.objects.filter(pk=latest.pk).update(created_at=latest.replicated_at)
    assert verify(is_all=False).packs == 2


# Isolation


def test_a_facility_sees_its_own_findings_alone_and_changes_none(
    sakura: Facility, lindenhof: Facility, packs: list[Pack], superuser_sql: psycopg.Connection
) -> None:
    stored_packs(lindenhof, 1)
    flip(path_of(packs[0], "primary"))
    verify()
    with as_facility(lindenhof):
        assert not Finding.objects.exists()
        assert fixity_of(lindenhof).packs == 1
        assert fixity_of(sakura).packs == 0
    with as_facility(sakura):
        assert Finding.objects.count() == 1
        for change in (
            lambda: Finding.objects.update(resolved_at=None),
            lambda: Finding.objects.all().delete(),
            lambda: Pack.objects.update(verified_at=None),
        ):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                change()


def test_what_was_found_is_never_changed(packs: list[Pack], superuser_sql: psycopg.Connection) -> None:
    flip(path_of(packs[0], "primary"))
    verify()
    for statement in ("UPDATE vault_finding SET damage = 'x'", "DELETE FROM vault_finding"):
        with pytest.raises(psycopg.Error, match="keeps what was found"):
            superuser_sql.execute(statement.encode())
    for change in ({"damage": "missing"}, {"found_at": packs[0].created_at}, {"read_sha256": b""}, {"place": "x"}):
        with as_center(), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            Finding.objects.update(**change)


def test_one_facilitys_packs_are_verified_alone(sakura: Facility, lindenhof: Facility) -> None:
    stored_packs(sakura, 1)
    stored_packs(lindenhof, 2)
    assert verify(facility=lindenhof).packs == 2


def test_a_facility_knows_when_its_packs_were_verified(sakura: Facility, packs: list[Pack]) -> None:
    with as_facility(sakura):
        first = fixity_of(sakura)
    assert (first.packs, first.open_findings) == (3, 0)
    replicated = [pack.replicated_at for pack in packs if pack.replicated_at]
    assert (first.verified_oldest_at, first.verified_newest_at) == (min(replicated), max(replicated))
    flip(path_of(packs[0], "primary"))
    flip(path_of(packs[0], "replica"))
    verify()
    with as_facility(sakura):
        then = fixity_of(sakura)
    assert (then.packs, then.open_findings) == (3, 1)
    assert then.verified_oldest_at == fresh(packs[0]).replicated_at
    assert then.verified_newest_at == fresh(packs[2]).verified_at
