"""Installations of their own: short homes, and what `manage.py` says when it is run from outside."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medvault.env import PROJECT

Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def homes() -> Iterator[Callable[[], Path]]:
    """New, empty homes."""
    made: list[Path] = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="mv-")))
        return made[-1]

    yield make
    for home in made:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def manage(homes: Callable[[], Path]) -> Manage:
    """Run `manage.py` in an environment: manage("check", PORT="80")."""
    home = str(homes())

    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=os.environ | {"MEDVAULT_HOME": home} | environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
