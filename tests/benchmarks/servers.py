"""The servers that are measured: MedVault with its worker, and Orthanc where it is installed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from medvault.env import PROJECT

ORTHANC_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
START_TIMEOUT_S = 60


@dataclass(frozen=True)
class Server:
    """A running server; `headers` for its DICOMweb address; `pids` are the roots of its process trees."""

    name: str
    url: str
    headers: dict[str, str]
    pids: tuple[int, ...]
    dicom: tuple[str, str, int]
    """AE title, host and port."""
    environment: dict[str, str] = field(default_factory=dict)
    """What its commands need to find it."""

    def memory_bytes(self) -> int:
        """Proportional set size of all its processes: shared pages count once."""
        total = 0
        for root in self.pids:
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(root)
                for process in [parent, *parent.children(recursive=True)]:
                    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                        total += process.memory_full_info().pss
        return total


@contextmanager
def medvault(folder: Path) -> Iterator[Server]:
    """MedVault's web and worker on embedded services, with one facility."""
    port, dicom_port = _free_port(), _free_port()
    environment = os.environ | {
        "MEDVAULT_HOME": str(folder), "PORT": str(port), "DICOM_PORT": str(dicom_port), "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "bootstrap", "-v0"], env=environment, cwd=PROJECT, check=True, capture_output=True)
    subprocess.run([*manage, "collectstatic", "--no-input", "-v0"], env=environment, cwd=PROJECT, check=True)
    make = (
        "from apps.facilities.models import Facility; from apps.facilities.tenancy import as_center\n"
        "from apps.collection.models import Terminal\n"
        "with as_center():\n"
        "    facility = Facility.objects.create(slug='bench', name='Bench', country='JP')\n"
        "    Terminal.objects.create(facility=facility, name='Bench', ae_title='BENCH', address='127.0.0.1')"
    )
    subprocess.run([*manage, "shell", "-v0", "-c", make], env=environment, cwd=PROJECT, check=True)
    issue = [*manage, "issue_token", "bench", "--scope", "images:store", "--scope", "images:read"]
    issued = subprocess.run(issue, env=environment, cwd=PROJECT, check=True, capture_output=True, text=True)
    run = [sys.executable, "-c", _RUN]
    process = subprocess.Popen(run, env=environment, cwd=PROJECT, stdout=subprocess.DEVNULL)
    services = [int(line) for path in folder.glob("postgresql/postmaster.pid") for line in path.read_text().split()[:1]]
    try:
        _wait_for(f"http://127.0.0.1:{port}/readyz", process)
        headers = {"Authorization": f"Bearer {issued.stdout.strip()}"}
        url = f"http://127.0.0.1:{port}/f/bench/dicom-web"
        own = {name: environment[name] for name in ("MEDVAULT_HOME", "PORT", "DICOM_PORT", "LOG_LEVEL")}
        yield Server("MedVault", url, headers, (process.pid, *services), ("MEDVAULT", "127.0.0.1", dicom_port), own)
    finally:
        process.terminate()
        process.wait(30)
        stop = "from medvault.embedded.services import embedded_services; from django.conf import settings\n"
        stop += "for service in embedded_services(settings.ENV): service.stop()"
        subprocess.run([*manage, "shell", "-v0", "-c", stop], env=environment, cwd=PROJECT, check=False)


_RUN = """
from medvault.env import read_environment
from medvault.processes import Supervisor, programs
env = read_environment()
supervisor = Supervisor(env.medvault_home / "logs", print)
supervisor.listen()
try:
    for program in programs(env):
        supervisor.start(program)
    supervisor.watch()
except KeyboardInterrupt:
    pass
finally:
    supervisor.stop()
"""


def orthanc_program() -> str | None:
    """Orthanc with its DICOMweb plugin, as Debian packages it."""
    found = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    return found if ORTHANC_PLUGIN.exists() else None


@contextmanager
def orthanc(folder: Path) -> Iterator[Server]:
    """Orthanc with its SQLite index, every file fsynced (its index is not)."""
    program = orthanc_program()
    assert program
    folder.mkdir(parents=True)
    port, dicom_port = _free_port(), _free_port()
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomPort": dicom_port,
        "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False,
        "MaximumPduLength": 131072,
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomWeb": {"Enable": True},
        "Plugins": [str(ORTHANC_PLUGIN)],
        "SyncStorageArea": True,
        "KeepAlive": True,
        "TcpNoDelay": True,
        "SaveJobs": False,
        "MaximumStorageCacheSize": 512,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    no_delay = os.environ | {"TCP_NODELAY": "1"}  # else its answers wait for the sender's delayed ACK
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, folder / "orthanc.json"], stdout=log, stderr=log, cwd=folder, env=no_delay)
    try:
        _wait_for(f"http://127.0.0.1:{port}/system", process)
        yield Server(
            "Orthanc", f"http://127.0.0.1:{port}/dicom-web", {}, (process.pid,), ("ORTHANC", "127.0.0.1", dicom_port)
        )
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
        time.sleep(0.1)
