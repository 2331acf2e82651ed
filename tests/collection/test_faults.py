"""Processes killed, disks full, servers restarted: what was acknowledged is there, once, and nothing else is."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom.data
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance, Study
from apps.collection.models import Collection, State
from apps.collection.replication import replicate_pending
from apps.core.bulk import insert_rows
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.vault.models import Pack
from apps.vault.packs import digest_of, sweep_dead_batches
from apps.vault.places import place
from medvault.embedded.redis import EmbeddedRedis
from medvault.embedded.services import embedded_postgresql
from tests.collection.ingesting_process import REFUSED, STEPS
from tests.dicomweb.stow_requests import CONTENT_TYPE, body
from tests.forked import Forked

FILES = [Path(str(pydicom.data.get_testdata_file(name))) for name in ("CT_small.dcm", "MR_small.dcm")]
URL = "/f/sakura/dicom-web/studies"

pytestmark = pytest.mark.usefixtures("committed_db")


def start(step: str, files: list[Path], slug: str = "sakura") -> Forked:
    return Forked("tests.collection.ingesting_process", slug, step, *files)


def ingest(step: str, files: list[Path]) -> tuple[int, str]:
    process = start(step, files)
    output, _ = process.communicate(timeout=60)
    return process.wait(), output


def recover() -> None:
    """What the worker does after a restart."""
    sweep_dead_batches()
    replicate_pending()


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def assert_stored_once(expected: list[Path]) -> None:
    """Database, both places and the spool agree: these files, byte for byte, once, and no orphan."""
    with as_center():
        instances = list(Instance.objects.select_related("pack"))
        assert sorted(open_instance(each).read() for each in instances) == sorted(
            path.read_bytes() for path in expected
        )
        rows = {pack.name: bytes(pack.sha256) for pack in Pack.objects.all()}
        assert sum(study.instance_count for study in Study.objects.all()) == len(expected)
        assert not Collection.objects.exclude(state=State.STORED).exists()
    for alias in ("primary", "replica"):
        assert files_below(settings.HOME / "vault" / alias) == set(rows)
        assert all(digest_of(place(alias), name) == digest for name, digest in rows.items())
    assert files_below(settings.VAULT_SPOOL) == set()
    assert list(settings.VAULT_SPOOL.glob("*")) == []


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_starts_over_and_nothing_is_there_twice(sakura: Facility, step: str) -> None:
    assert ingest(step, FILES)[0] == -signal.SIGKILL
    is_committed = STEPS.index(step) >= STEPS.index("committed")
    recover()
    assert_stored_once(FILES if is_committed else [])
    assert ingest("", FILES)[0] == 0
    assert_stored_once(FILES)


def test_a_living_process_is_not_swept(sakura: Facility) -> None:
    process = start("together", FILES)
    assert process.stdout.readline() == "here\n"
    assert sweep_dead_batches() == 0
    process.communicate("go\n\n", timeout=60)
    assert process.returncode == 0
    assert_stored_once(FILES)


def test_two_processes_store_the_same_set_once(sakura: Facility) -> None:
    both = [start("together", FILES[:1]) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "here\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert_stored_once(FILES[:1])
    with as_center():
        outcomes = sorted((each.stored_count, each.duplicate_count) for each in Collection.objects.all())
    assert outcomes == [(0, 1), (1, 0)]


@pytest.mark.parametrize("limit", [0, 100, 20_000, FILES[0].stat().st_size + 300])
def test_a_full_disk_refuses_and_leaves_nothing(sakura: Facility, limit: int) -> None:
    code, output = ingest(f"limit={limit}", FILES[:1])
    assert code == REFUSED
    assert "could not be written" in output
    with as_center():
        assert not Collection.objects.exists()
    assert_stored_once([])


def test_a_full_replica_keeps_the_collection_received_until_there_is_room(sakura: Facility) -> None:
    assert ingest("committed", FILES)[0] == -signal.SIGKILL
    replica = settings.HOME / "vault" / "replica"
    replica.parent.mkdir(parents=True, exist_ok=True)
    replica.write_text("in the way")
    recover()
    with as_center():
        assert Collection.objects.get().state == State.RECEIVED
    replica.unlink()
    recover()
    assert_stored_once(FILES)


def test_a_copy_that_differs_is_not_taken_for_stored(sakura: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ingest("committed", FILES[:1])[0] == -signal.SIGKILL
    with as_center():
        pack = Pack.objects.get()
    primary = settings.HOME / "vault" / "primary" / pack.name
    whole = primary.read_bytes()
    primary.write_bytes(whole[:-1] + b"x")
    recover()
    with as_center():
        assert Collection.objects.get().state == State.RECEIVED
    assert files_below(settings.HOME / "vault" / "replica") == set()
    primary.write_bytes(whole)
    recover()
    assert_stored_once(FILES[:1])


def test_the_database_restarting_in_the_transaction_is_a_refusal(
    sakura: Facility, token_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Authorization": f"Bearer {token_for(sakura, Scope.STORE)}"}
    database = embedded_postgresql(settings.ENV)

    def restart_first(*arguments: Any) -> None:
        database.stop()
        database.start()
        insert_rows(*arguments)

    monkeypatch.setattr("apps.collection.commit.insert_rows", restart_first)
    content = body(path.read_bytes() for path in FILES)
    assert Client().post(URL, content, content_type=CONTENT_TYPE, headers=headers).status_code == 503
    connections.close_all()  # what the restart has broken, the owner's too
    recover()
    assert_stored_once([])
    monkeypatch.undo()
    assert Client().post(URL, content, content_type=CONTENT_TYPE, headers=headers).status_code == 200
    recover()
    assert_stored_once(FILES)


def test_without_the_broker_storing_goes_on(sakura: Facility, token_for: Callable[..., str]) -> None:
    headers = {"Authorization": f"Bearer {token_for(sakura, Scope.STORE)}"}
    broker = EmbeddedRedis(settings.HOME)
    broker.stop()
    try:
        content = body(path.read_bytes() for path in FILES)
        assert Client().post(URL, content, content_type=CONTENT_TYPE, headers=headers).status_code == 200
    finally:
        broker.start()
    recover()
    assert_stored_once(FILES)
