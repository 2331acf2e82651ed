"""Commands of the edge program, each a process of its own."""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from medvault_edge import cli

from tests.forked import process

PATIENCE_S = 120


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, standard output and error of `medvault-edge` with these arguments."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        running = process(_command, list(arguments), dict(environment), str(out), str(err))
        running.join(PATIENCE_S)
        assert running.exitcode is not None, "the command did not end"
        return running.exitcode, out.read_text(), err.read_text()


def _command(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["medvault-edge", *arguments]
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream.fileno())
    cli.main()
