"""C-STORE by dcmtk's storescu, as shipped (Nagle's algorithm on) and with TCP_NODELAY=1."""

import os
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.images import Slices
from tests.benchmarks.servers import Server

STORESCU = Path("/usr/bin/storescu")  # pynetdicom installs a program of the same name


def stored_per_second(server: Server, slices: Slices, *, count: int, associations: int, has_delay: bool) -> float:
    """Acknowledged images a second."""
    title, host, port = server.dicom
    command = [str(STORESCU), "-R", "-aet", "BENCH", "-aec", title, host, str(port), "+sd"]
    with TemporaryDirectory(prefix="medvault-bench-") as folder:
        shares = [Path(folder) / str(number) for number in range(associations)]
        for number, content in enumerate(slices.take(count)):
            share = shares[number * associations // count]
            share.mkdir(exist_ok=True)
            (share / f"{number:06d}.dcm").write_bytes(content)
        environment = os.environ | {"TCP_NODELAY": "0" if has_delay else "1"}
        started = time.perf_counter()
        running = [subprocess.Popen([*command, str(share)], env=environment) for share in shares]
        for process in running:
            if process.wait():
                raise RuntimeError(f"storescu failed on {server.name}")
        return count / (time.perf_counter() - started)
