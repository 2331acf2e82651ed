"""A collector's day: sealing a folder, handing it over on loopback, until it is received and stored."""

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from medvault_edge.collecting import Visit, collect
from medvault_edge.enrolling import enrol
from medvault_edge.handing_over import hand_over
from medvault_edge.state import State

from medvault.env import PROJECT
from tests.benchmarks.images import Slices
from tests.benchmarks.servers import Server

_CODE = """
from apps.audit.record import SYSTEM
from apps.collection.enrolment import issue_code
from apps.collection.models import Terminal
from apps.core.clock import database_now
from apps.facilities.tenancy import as_center
with as_center():
    terminal = Terminal.objects.get()
print(issue_code(terminal, actor=SYSTEM, now=database_now()))
"""


@dataclass(frozen=True)
class Speeds:
    """MB/s of each step; by how many MB sealing and sending raised this process's memory, opening the server's."""

    sealing: float
    uploading: float
    opening: float
    edge_memory: float
    server_memory: float


def handed_over(server: Server, folder: Path, count: int = 2000) -> Speeds:
    """Speeds for so many slices of 512 by 512."""
    images = folder / "images"
    images.mkdir(parents=True)
    for number, content in enumerate(Slices(512).take(count)):
        (images / f"{number:06d}.dcm").write_bytes(content)
    state = State(folder / "edge")
    enrol(state, url=server.url.partition("/f/")[0], code=_code(server), name="Bench")
    before, server_before = _peak(), server.memory_bytes()
    started = time.perf_counter()
    collected = collect(images, Visit(method="push"), state, now=datetime.now(UTC), progress=lambda _size: None)
    sealed = time.perf_counter()
    hand_over(state, progress=lambda _sealed, _offset: None)
    uploaded = time.perf_counter()
    peak = server_before
    while state.collections("uploaded"):
        time.sleep(0.25)
        peak = max(peak, server.memory_bytes())
        hand_over(state, progress=lambda _sealed, _offset: None)
    opened = time.perf_counter()
    size = collected.length / 1e6
    return Speeds(
        size / (sealed - started), size / (uploaded - sealed), size / (opened - uploaded), _peak() - before,
        (peak - server_before) / 1e6,
    )  # fmt: skip


def _code(server: Server) -> str:
    environment = os.environ | server.environment
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", _CODE]
    made = subprocess.run(command, env=environment, cwd=PROJECT, check=True, capture_output=True, text=True)
    return made.stdout.split()[-1]


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
