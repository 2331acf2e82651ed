"""Receiving in a process of its own: killed between batches, and measured."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from apps.catalog.models import Instance
from apps.collection.interrupted import close_interrupted
from apps.collection.models import Collection, ReceivedFile, State
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.packs import sweep_dead_batches
from medvault.env import PROJECT
from tests.catalog.dicom_bytes import DOCUMENT, data_set, part10
from tests.collection.media import numbered

pytestmark = pytest.mark.usefixtures("committed_db")
GB = 1 << 30
MOST_MEMORY_MB = 240  # most of it are the programs


def run(path: Path, batches: int = 0) -> "subprocess.CompletedProcess[str]":
    arguments = [sys.executable, "-m", "tests.collection.receiving_process", str(batches), str(path)]
    return subprocess.run(arguments, capture_output=True, text=True, cwd=PROJECT, timeout=110, check=False)


@pytest.mark.parametrize("batches", [1, 2])
def test_killed_between_batches_a_second_run_gives_each_image_once(
    sakura: Facility, tmp_path: Path, batches: int
) -> None:
    for number in range(5):
        (tmp_path / str(number)).write_bytes(numbered(number))
    (tmp_path / "cut").write_bytes(numbered(9)[:-3])
    assert run(tmp_path, batches).returncode == -signal.SIGKILL
    with as_center():
        assert (Collection.objects.get().state, Instance.objects.count()) == (State.OPEN, 2 * batches)
    sweep_dead_batches()
    assert close_interrupted(grace=timedelta(0)) == 1
    second = run(tmp_path)
    assert second.returncode == 0, second.stderr
    with as_center():
        assert list(Collection.objects.order_by("id").values_list("state", flat=True)) == ["partial", "stored"]
        assert Instance.objects.count() == 5
        assert ReceivedFile.objects.filter(outcome="quarantined").count() == 1
        assert Collection.objects.latest("id").duplicate_count == 2 * batches


def sparse_image(path: Path) -> None:
    start = part10(data_set(DOCUMENT) + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, GB))
    path.write_bytes(start)
    os.truncate(path, len(start) + GB)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_an_object_of_a_gigabyte_takes_little_memory(sakura: Facility, tmp_path: Path, kind: str) -> None:
    medium = tmp_path / "medium"
    medium.mkdir()
    sparse_image(medium / "image")
    (medium / "small").write_bytes(numbered(1))
    path = medium
    if kind == "zip":
        path = tmp_path / "medium.zip"
        with zipfile.ZipFile(path, "w") as made:
            made.write(medium / "image", "image")
            made.write(medium / "small", "small", zipfile.ZIP_DEFLATED)
    done = run(path)
    shutil.rmtree(tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST_MEMORY_MB
    with as_center():
        assert Collection.objects.get().stored_count == 2
