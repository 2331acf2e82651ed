"""What only passes through the spool leaves nothing behind, even when its process dies."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from apps.vault.spool import passing_folder, sweep_passing_folders
from medvault.env import PROJECT
from tests.conftest import empty_folders

DYING = """
import os, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()
from apps.vault.spool import passing_folder
with passing_folder() as folder:
    (folder / "image.dcm").write_bytes(b"an image")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def empty_spool() -> None:
    empty_folders()


def left() -> list[Path]:
    return list(Path(settings.VAULT_SPOOL).iterdir())


def test_what_passes_through_is_gone_afterwards() -> None:
    with passing_folder() as folder:
        (folder / "image.dcm").write_bytes(b"an image")
        assert sweep_passing_folders(before=time.time() + 1) == 0
        assert folder.exists()
    assert left() == []


def test_what_a_process_that_died_left_is_swept_once_it_is_old() -> None:
    assert subprocess.run([sys.executable, "-c", DYING], cwd=PROJECT, check=False).returncode == -9
    assert len(left()) == 1
    assert sweep_passing_folders(before=time.time() - 300) == 0
    assert sweep_passing_folders(before=time.time() + 1) == 1
    assert left() == []
