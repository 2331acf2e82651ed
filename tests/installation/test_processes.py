"""The supervisor: what dies is started again, and nothing outlives it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from medvault.processes import Program, Supervisor
from tests.waiting import until

SLEEPER = Program("sleeper", ("python", "-c", "import signal; signal.pause()"))
SUPERVISE = """
from pathlib import Path
from medvault.processes import Program, Supervisor
supervisor = Supervisor(Path("{logs}"), print)
supervisor.listen()
supervisor.start(Program("sleeper", ("python", "-c", "import signal; signal.pause()"), gives_way=True))
print("started", flush=True)
supervisor.watch()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path, reports.append)
    yield made
    made.stop()


reports: list[str] = []


def sleepers() -> list[psutil.Process]:
    running = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if SLEEPER.arguments[-1] in child.cmdline():
                running.append(child)
    return running


def test_what_dies_is_started_again_and_that_is_told(supervisor: Supervisor) -> None:
    supervisor.start(SLEEPER)
    (first,) = sleepers()
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    first.kill()
    until(lambda: reports)
    assert reports == ["sleeper ended (exit code -9); starting it again"]
    until(lambda: len(sleepers()) == 1)
    supervisor.stop()
    watching.join(10)
    until(lambda: not sleepers())


@pytest.mark.skipif(sys.platform != "linux", reason="a parent's death is a signal on Linux alone")
def test_nothing_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SUPERVISE.format(logs=tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        (child,) = psutil.Process(process.pid).children()
        assert child.nice() == 19
        process.kill()
        child.wait(30)
