"""Commands of the edge program, each a process of its own. They are forked from one that has imported the program:
importing takes most of the time.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

from medvault_edge import cli

from medvault.env import PROJECT

PATIENCE_S = 120
_context = get_context("forkserver")
_context.set_forkserver_preload(["medvault_edge.cli", __name__])


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, standard output and error of `medvault-edge` with these arguments."""
    os.environ["PYTHONPATH"] = f"{PROJECT}{os.pathsep}{PROJECT / 'edge'}"  # for the process that is forked from
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _context.Process(target=_command, args=(list(arguments), dict(environment), str(out), str(err)))
        process.start()
        process.join(PATIENCE_S)
        assert process.exitcode is not None, "the command did not end"
        return process.exitcode, out.read_text(), err.read_text()


def _command(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["medvault-edge", *arguments]
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream.fileno())
    cli.main()
