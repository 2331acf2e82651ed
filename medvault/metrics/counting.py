"""Where this host's processes count: each in files of its own, which whoever is asked for the metrics adds up."""

import os
import platform
from pathlib import Path


def count_in(folder: Path) -> None:
    """To be called before anything counts. Containers that share a folder have the same process ids, so that the host's
    name tells their files apart.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    from prometheus_client import values  # noqa: PLC0415 it reads the environment when it is imported

    host = platform.node().replace("_", "-")
    values.ValueClass = values.MultiProcessValue(lambda: f"{host}-{os.getpid()}")  # type: ignore[no-untyped-call]
