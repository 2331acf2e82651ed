"""The processes of an installation, and a supervisor that runs all of them on one machine."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from medvault.env import PROJECT, Environment

WEB_THREADS = 8
STOP_TIMEOUT_S = 15
RESTART_PAUSE_S = 1.0
LAST = 19
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Program:
    """A command that runs until it is told to stop."""

    name: str
    arguments: tuple[str, ...]
    gives_way: bool = False


def programs(env: Environment) -> list[Program]:
    """Web, gateway, worker and beat. The worker gives way: copying in the background must not slow an answer."""
    web = (
        *("granian", "--interface", "wsgi", "--http", "1", "--host", env.bind_address, "--port", str(env.port)),
        *("--workers", str(env.web_workers), "--blocking-threads", str(WEB_THREADS), "--respawn-failed-workers"),
        *("--log-level", "warning", "medvault.wsgi:application"),
    )
    celery = ("celery", "-A", "medvault", "--quiet")
    level = env.log_level.lower()
    return [
        Program("web", web),
        Program("gateway", ("python", "manage.py", "gateway")),
        Program("worker", (*celery, "worker", "-l", level, "-c", "2", "-Q", "ingest,default,hosts"), gives_way=True),
        Program("beat", (*celery, "beat", "-l", level)),
    ]


@dataclass(slots=True)
class _Child:
    program: Program
    process: "subprocess.Popen[bytes]"


@dataclass(slots=True)
class Supervisor:
    """Runs programs, starts again what dies, and stops all of them on SIGINT or SIGTERM."""

    logs: Path
    report: Callable[[str], None]
    _children: list[_Child] = field(default_factory=list)
    _is_stopping: bool = False

    def listen(self) -> None:
        """Take SIGINT and SIGTERM as the wish to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def start(self, program: Program) -> None:
        """Start a program; its output goes to a file of its name."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{program.name}.log").open("ab") as log:
            process = subprocess.Popen(
                [Path(sys.executable).parent / program.arguments[0], *program.arguments[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                start_new_session=True,
                preexec_fn=lambda: _detach(program.gives_way),  # noqa: PLW1509 no threads run at this time
            )
        self._children.append(_Child(program, process))

    def watch(self) -> None:
        """Until a signal to stop: start again what has ended."""
        while not self._is_stopping:
            for child in self._children:
                if child.process.poll() is not None and not self._is_stopping:
                    self.report(f"{child.program.name} ended (exit code {child.process.returncode}); starting it again")
                    self._children.remove(child)
                    self.start(child.program)
                    break
            time.sleep(RESTART_PAUSE_S)

    @property
    def is_stopping(self) -> bool:
        """Whether a signal to stop has come."""
        return self._is_stopping

    def stop(self) -> None:
        """Ask every program to end, the last started first, and insist after a while."""
        self._is_stopping = True
        for child in reversed(self._children):
            child.process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in self._children:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_group(child.process.pid)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
        # Whatever runs now, a wait or a download of demonstration data, ends here; a second signal changes nothing.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt


def _detach(gives_way: bool) -> None:  # noqa: FBT001 not called by name
    """In the child: end when the supervisor dies, whatever kills it (Linux), and give way to all others."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if gives_way:
            psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
    if gives_way:
        os.nice(LAST)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
