"""Processes killed while they repair, two that verify at once, packs deleted meanwhile."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from django.conf import settings
from django.db import connection

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.models import Finding, Pack
from tests.conftest import superuser_connection
from tests.forked import Forked
from tests.portal.pages import dicom, store
from tests.vault.damage import (
    aside_of,
    delete,
    findings,
    flip,
    fresh,
    is_good,
    path_of,
    stored_packs,
    told,
    verify,
)
from tests.vault.verifying_process import STEPS

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def start() -> Iterator[Callable[[str], Forked]]:
    """Start a process; none outlives its test."""
    started: list[Forked] = []

    def make(step: str) -> Forked:
        process = Forked("tests.vault.verifying_process", step)
        started.append(process)
        return process

    yield make
    for process in started:
        process.kill()
        process.wait()


def lines(process: Forked) -> list[str]:
    return process.communicate(timeout=60)[0].split("\n")[:-1]


@pytest.mark.parametrize("step", STEPS)
def test_killed_while_repairing_the_next_run_finishes(
    sakura: Facility, start: Callable[[str], Forked], step: str
) -> None:
    pack = stored_packs(sakura, 3)[1]
    bad = path_of(pack, "replica")
    flip(bad)
    content = bad.read_bytes()
    assert start(step).wait(60) == -signal.SIGKILL
    assert told(pack) == {("replica", "other_bytes", "", "")}
    assert bad.read_bytes() in (content, path_of(pack, "primary").read_bytes())
    run = verify(is_all=False)
    assert run.found == []
    assert run.unavailable == ""
    assert told(pack) == {("replica", "other_bytes", "", "repaired")}
    assert is_good(pack, "replica")
    assert fresh(pack).verified_at is not None
    assert aside_of(pack, "replica").read_bytes() == content
    assert [finding.kept_as for finding in findings()] == [f"damaged/{pack.name}"]
    root = Path(settings.STORAGES["replica"]["OPTIONS"]["location"])
    assert len([path for path in root.rglob("*") if path.is_file()]) == 4
    assert verify().found == []


def test_two_at_once_read_each_copy_once(sakura: Facility, start: Callable[[str], Forked]) -> None:
    packs = stored_packs(sakura, 8)
    both = [start("together") for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "here\n"
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    read = [lines(process) for process in both]
    assert sorted(read[0] + read[1]) == sorted(
        f"{alias} {pack.name}" for pack in packs for alias in ("primary", "replica")
    )
    assert min(map(len, read)) > 2


def test_a_pack_that_is_being_deleted_is_not_missed(sakura: Facility) -> None:
    packs = stored_packs(sakura, 3)
    with superuser_connection() as deleting:
        deleting.execute("SET session_replication_role = replica")
        with deleting.transaction():
            deleting.execute("DELETE FROM vault_pack WHERE id = %s", [packs[0].pk])
            for alias in ("primary", "replica"):
                delete(path_of(packs[0], alias))
            assert verify().packs == 2
    assert verify().packs == 2
    assert findings() == []


def holding(pack: Pack, process: Forked) -> Forked:
    """A process that has read the primary copy and goes on when it is given a line."""
    process.stdin.write("\n")
    process.stdin.flush()
    while process.stdout.readline() != f"primary {pack.name}\n":
        assert process.returncode is None
    assert process.stdout.readline() == "here\n"
    return process


def let_go(process: Forked) -> None:
    process.communicate("\n\n", timeout=60)


def test_a_deletion_waits_for_the_pack_that_is_being_read(sakura: Facility, start: Callable[[str], Forked]) -> None:
    packs = stored_packs(sakura, 1)
    process = holding(packs[0], start("held"))
    deleted: list[bool] = []

    def lock() -> None:
        with as_center():
            Pack.objects.select_for_update().get(pk=packs[0].pk)
            deleted.append(process.returncode is not None or fresh(packs[0]).checked_at is not None)
        connection.close()

    deletion = Thread(target=lock)
    deletion.start()
    deletion.join(1)
    assert deletion.is_alive()
    let_go(process)
    deletion.join(30)
    assert deleted == [True]


def test_images_that_refer_to_a_pack_being_read_do_not_wait(sakura: Facility, start: Callable[[str], Forked]) -> None:
    packs = stored_packs(sakura, 1)
    process = holding(packs[0], start("held"))
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '5s'")
        store(sakura, dicom(1, 1), dicom(1, 3))
        cursor.execute("RESET lock_timeout")
    with as_center():
        assert Pack.objects.count() == 2
    assert process.returncode is None
    let_go(process)


def test_findings_outlive_their_pack_and_end_with_it(sakura: Facility) -> None:
    packs = stored_packs(sakura, 2)
    for alias in ("primary", "replica"):
        flip(path_of(packs[0], alias))
    verify()
    with superuser_connection() as deleting:
        deleting.execute("SET session_replication_role = replica")
        for table in ("collection_receivedfile", "catalog_instance"):
            deleting.execute(f"DELETE FROM {table} WHERE pack_id = %s".encode(), [packs[0].pk])
        deleting.execute("SET session_replication_role = origin")
        with deleting.transaction():
            deleting.execute("ALTER TABLE vault_pack DISABLE TRIGGER retained")
            deleting.execute("DELETE FROM vault_pack WHERE id = %s", [packs[0].pk])
            deleting.execute("ALTER TABLE vault_pack ENABLE TRIGGER retained")
    verify()
    with as_center():
        left = list(Finding.objects.filter(pack=None).values_list("pack_name", "resolution"))
    assert left == [(packs[0].name, "deleted")] * 2
