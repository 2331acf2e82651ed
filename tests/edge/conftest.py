"""The edge program as its users start it, against the center as an installation runs it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom.data
import pytest

from apps.audit.record import SYSTEM
from apps.collection.enrolment import issue_code
from apps.collection.handover import open_upload, uploads_to_open
from apps.collection.models import Collector, CollectorFacility, Terminal
from apps.collection.replication import replicate_pending
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from medvault.env import PROJECT
from tests.edge import forked

NAMES = ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "reportsi.dcm")


def example(name: str) -> Path:
    return Path(str(pydicom.data.get_testdata_file(name)))


@dataclass
class Edge:
    """A device with a home of its own."""

    home: Path

    def run(self, *arguments: object, code: int = 0, **environment: str) -> Any:
        """Run a command with --json; what it tells, or its error."""
        command, *rest = map(str, arguments)
        json_too = [] if command == "watch" else ["--json"]
        found, out, err = forked.run(["--home", str(self.home), command, *rest, *json_too], os.environ | environment)
        assert found == code, out + err
        if command == "watch":
            return out
        return json.loads(out) if out.strip() else err.strip()

    def start(self, *arguments: object, within: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*within, sys.executable, "-m", "medvault_edge.cli", "--home", str(self.home), *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(PROJECT / "edge")}, text=True, stdout=subprocess.PIPE,
        )  # fmt: skip


def at_the_center() -> None:
    """What the worker does within a minute."""
    for key in uploads_to_open():
        open_upload(key)
    replicate_pending()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A terminal's folder."""
    folder = tmp_path / "images"
    for number, name in enumerate(NAMES):
        (folder / str(number)).mkdir(parents=True)
        shutil.copy(example(name), folder / str(number) / name)
    return folder


@pytest.fixture
def terminal(address: str, sakura: Facility) -> Terminal:
    with as_center():
        return Terminal.objects.create(facility=sakura, name="X-ray room")


@pytest.fixture
def enrolled(address: str, tmp_path: Path) -> Callable[..., Edge]:
    def make(device: Terminal | Collector, name: str = "edge") -> Edge:
        edge = Edge(tmp_path / name)
        edge.run("init", address, issue_code(device, actor=SYSTEM, now=database_now()))
        return edge

    return make


@pytest.fixture
def collector(address: str, terminal: Terminal, sakura: Facility, lindenhof: Facility,
              enrolled: Callable[..., Edge]) -> Edge:  # fmt: skip
    """An operator's collector that serves two facilities."""
    with as_center():
        bag = Collector.objects.create(name="Bag 1")
        for facility in (sakura, lindenhof):
            CollectorFacility.objects.create(facility=facility, collector=bag)
    return enrolled(bag, "collector")
