"""The drill: an installation is lost but for its replica, and comes back from a backup into an empty home."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyrage import x25519

from apps.catalog.models import Study
from apps.collection.models import Receipt
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.retention.models import Disposition, OnExpiry, State
from apps.retention.sweep import sweep
from medvault import outward
from medvault.backup.errors import CannotBackUp, CannotRestore
from medvault.backup.keys import recipient_of
from medvault.backup.making import back_up
from medvault.backup.restoring import restore
from medvault.embedded.postgresql import EmbeddedPostgreSQL
from medvault.embedded.redis import EmbeddedRedis
from medvault.env import PROJECT
from tests.environment import HOME
from tests.retention.stories import agreed, in_force, stored

pytestmark = pytest.mark.usefixtures("committed_db")
IDENTITY = x25519.Identity.generate()
LOOK = """
import json
from apps.audit.models import Event
from apps.catalog.bytes import open_instance
from apps.catalog.changes import changes_after
from apps.catalog.models import Instance, Study
from apps.facilities.tenancy import as_center
from apps.retention.models import Disposition
from django.contrib.sessions.models import Session
with as_center():
    print(json.dumps({
        "studies": sorted(Study.objects.values_list("study_instance_uid", flat=True)),
        "bytes": sum(len(open_instance(each).read()) for each in Instance.objects.select_related("pack")),
        "dispositions": sorted(Disposition.objects.values_list("study_instance_uid", "state")),
        "next": Event.objects.order_by("-pk").first().pk,
        "sessions": Session.objects.count(),
        "changes": [each.study_instance_uid for each in changes_after(FACILITY, 1_000_000, limit=9)],
    }))
from apps.retention.tasks import sweep_retention
from celery.exceptions import Ignore
from apps.collection.tasks import replicate_pending
from medvault.outward import held_since
try:
    sweep_retention()
except Ignore:
    print("held", replicate_pending(), held_since())
"""


@pytest.fixture
def new_home(homes: Callable[[], Path]) -> Iterator[Path]:
    home = homes()
    yield home
    EmbeddedPostgreSQL(home, "").stop()
    EmbeddedRedis(home).stop()


def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], env=os.environ | {"MEDVAULT_HOME": str(home)}, cwd=PROJECT,
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip


def back(target: Path, **options: Any) -> Any:
    recipient = recipient_of(str(IDENTITY.to_public()))
    return back_up(target, **({"recipient": recipient, "keep": 2, "reads_again": False} | options))


def packs_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.glob("[0-9]*/**/*.zip")}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_what_is_lost_comes_back_and_what_was_deleted_does_not(
    lindenhof: Facility, signed_in: Callable[..., Any], new_home: Path, tmp_path: Path
) -> None:
    signed_in("owner@example.org", lindenhof=Role.OWNER)
    in_force("de-diag")
    ending = stored(lindenhof, PatientBirthDate="19500101", PatientName="Invented^Person", PatientID="E")
    kept = stored(lindenhof, PatientBirthDate="20240101", PatientID="K")
    made = back(tmp_path)
    assert (made.about.packs, made.copied, made.missing) == (2, 2, [])
    assert b"PRIVATE" not in (made.folder / "keys.age").read_bytes().upper()
    # After the backup one study ends, another one comes.
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    sweep()
    newer = stored(lindenhof, PatientBirthDate="20240101", PatientID="N")
    with as_center():
        assert Disposition.objects.get(study_instance_uid=ending.study_instance_uid).state == State.DELETED
        last = Receipt.objects.count()
    # The primary and the database are lost; the replica has survived.
    shutil.copytree(HOME / "vault" / "replica", new_home / "vault" / "replica")
    (tmp_path / "identity").write_text(str(IDENTITY))
    done = run(new_home, "restore", str(tmp_path), "--identity", str(tmp_path / "identity"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 deletions were carried out again, 1 packs that are newer were filed" in done.stdout
    assert f"Verified: 2 packs, {last} receipts, 1 deletion certificates" in done.stdout
    look = LOOK.replace("FACILITY", str(lindenhof.pk))
    seen, held = run(new_home, "shell", "-v0", "-c", look).stdout.splitlines()
    told = json.loads(seen)
    assert told["studies"] == sorted([kept.study_instance_uid, newer.study_instance_uid])
    assert told["dispositions"] == [[ending.study_instance_uid, "deleted"]]
    assert told["bytes"] > 0
    assert told["next"] > 1_000_000
    assert told["sessions"] == 0
    assert {ending.study_instance_uid, newer.study_instance_uid} <= set(told["changes"])
    assert held == f"held None {made.about.at}"
    for place in ("primary", "replica"):
        assert len(packs_below(new_home / "vault" / place)) == 2


def test_a_database_that_is_not_empty_is_left_alone(lindenhof: Facility, tmp_path: Path) -> None:
    back(tmp_path)
    with pytest.raises(CannotRestore, match="not empty"):
        restore(tmp_path, dump="", identity=str(IDENTITY), report=print)
    assert outward.held_since() is None
    [dump] = (tmp_path / "dumps").iterdir()
    (dump / "database.dump").write_bytes(b"rotten")
    with pytest.raises(CannotBackUp, match="is damaged"):
        restore(tmp_path, dump="", identity=str(IDENTITY), report=print)


def test_a_backup_forgets_with_the_vault_and_heals_from_either_place(lindenhof: Facility, tmp_path: Path) -> None:
    in_force("de-diag")
    stored(lindenhof, PatientBirthDate="19500101")
    whole = stored(lindenhof, PatientBirthDate="20240101", PatientID="K")
    for path in (HOME / "vault" / "primary").glob("[0-9]*/**/*.zip"):
        path.write_bytes(b"damaged".ljust(path.stat().st_size))
    assert back(tmp_path).copied == 2
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    sweep()
    assert len(packs_below(tmp_path / "vault")) == 2
    made = back(tmp_path)
    assert (made.about.packs, made.copied) == (1, 0)
    assert len(packs_below(tmp_path / "vault")) == 1
    assert len(list((tmp_path / "vault" / "certificates").iterdir())) == 1
    # A copy of the backup that rots is made anew; a pack that is whole nowhere is named.
    [copy] = (tmp_path / "vault").glob("[0-9]*/**/*.zip")
    copy.write_bytes(b"rotten".ljust(copy.stat().st_size))
    assert back(tmp_path, reads_again=True, keep=1).copied == 1
    assert len(list((tmp_path / "dumps").iterdir())) == 1
    shutil.rmtree(HOME / "vault" / "replica")
    copy.unlink()
    with as_center():
        assert Study.objects.get().pk == whole.pk
    assert back(tmp_path).missing == [str(copy.relative_to(tmp_path / "vault"))]


def test_a_recipient_that_is_none_is_refused() -> None:
    with pytest.raises(CannotBackUp):
        recipient_of("ssh-rsa AAAA")


def test_held_tasks_do_nothing_until_they_are_released(settings: Any, tmp_path: Path) -> None:
    settings.SHARED = tmp_path
    from django.utils import timezone

    from apps.retention import tasks

    outward.hold(backup_at=timezone.now())
    assert tasks.give_notice.name not in outward.INWARD
    assert outward.held_since()
    outward.release()
    assert outward.held_since() is None
