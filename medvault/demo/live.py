"""The living part of the demonstration: a terminal whose disk fills while one looks, by the program clinics use."""

import os
import subprocess
import sys
from pathlib import Path

from django.core.management.base import CommandError

from apps.audit.record import SYSTEM
from apps.collection.enrolment import issue_code
from apps.collection.models import Terminal
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from medvault.env import PROJECT
from medvault.processes import Program

FACILITY, NAME, AE_TITLE = "lindenhof", "CT, ground floor", "DEMOCT"
QUOTA = 40_000_000
EVERY_S = 30
_EDGE = ("python", "-m", "medvault_edge.cli")


def terminal_programs(home: Path, url: str, *, port: int) -> list[Program]:
    """A terminal that watches a folder, and a modality that fills it; `port` is the terminal's for DICOM."""
    folder, edge_home = home / "demo" / "images", home / "demo" / "edge"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = str(PROJECT / "edge")
    if not (edge_home / "state.sqlite3").exists():
        _enrol(edge_home, url)
    watch = ("--home", str(edge_home), "watch", str(folder), "--every", str(EVERY_S), "--quota-gb", str(QUOTA / 1e9))
    receive = ("--receive", str(port), "--receive-host", "127.0.0.1", "--allow", AE_TITLE)
    modality = ("python", "manage.py", "demo_modality", str(folder), "--port", str(port), "--quota", str(QUOTA))
    return [
        Program("terminal", (*_EDGE, *watch, *receive), gives_way=True),
        Program("modality", modality, gives_way=True),
    ]


def _enrol(edge_home: Path, url: str) -> None:
    with as_center():
        facility = Facility.objects.get(slug=FACILITY)
        terminal, _ = Terminal.objects.get_or_create(
            facility=facility, name=NAME, defaults={"push_every_hours": 1, "ae_title": AE_TITLE, "address": "127.0.0.1"}
        )
    code = issue_code(terminal, actor=SYSTEM, now=database_now())
    command = [sys.executable, *_EDGE[1:], "--home", str(edge_home), "init", url, code]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(f"The demonstration's terminal did not become known to the center:\n{done.stderr}")
