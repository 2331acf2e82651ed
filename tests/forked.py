"""Processes of their own, forked from one that has imported the programs: importing takes most of the time."""

import os
import runpy
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from medvault.env import PROJECT

PATIENCE_S = 60
_context = get_context("forkserver")
_context.set_forkserver_preload(["medvault_edge.cli", "tests.preloaded"])


class Forked:
    """A module of tests that is run as a program, with the interface of `subprocess.Popen` as far as it is needed."""

    def __init__(self, module: str, *arguments: object) -> None:
        reader, writer = _context.Pipe(duplex=False)
        output, answer = _context.Pipe(duplex=False)
        self._process = process(_program, module, [*map(str, arguments)], reader, answer)
        reader.close()
        answer.close()
        self.stdin, self.stdout = os.fdopen(os.dup(writer.fileno()), "w"), os.fdopen(os.dup(output.fileno()))
        writer.close()
        output.close()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float = PATIENCE_S) -> int:
        self._process.join(timeout)
        assert self._process.exitcode is not None, "the process did not end"
        return self._process.exitcode

    def communicate(self, told: str = "", timeout: float = PATIENCE_S) -> tuple[str, None]:
        """Write to it, read all that it writes, and wait for its end."""
        with self.stdin, self.stdout:
            self.stdin.write(told)
            self.stdin.close()
            output = self.stdout.read()
        self.wait(timeout)
        return output, None

    def kill(self) -> None:
        self._process.kill()


def process(target: Callable[..., None], *arguments: Any) -> Any:
    """A started process of multiprocessing that runs a function of an importable module."""
    os.environ["PYTHONPATH"] = f"{PROJECT}{os.pathsep}{PROJECT / 'edge'}"  # for the one that is forked from
    started = _context.Process(target=target, args=arguments)
    started.start()
    return started


def _program(module: str, arguments: list[str], stdin: Connection, stdout: Connection) -> None:
    os.dup2(stdin.fileno(), 0)
    os.dup2(stdout.fileno(), 1)
    stdin.close()
    stdout.close()
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__")
