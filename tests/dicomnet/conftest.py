"""A gateway as an installation runs it, with the tests' database and vault."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from apps.catalog.models import Instance
from apps.collection.models import Terminal
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from medvault.env import PROJECT
from tests.ports import free_port

DCMTK = Path("/usr/bin")


@dataclass
class Gateway:
    port: int
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """Every process of it at once, as when the machine dies."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        for each in [psutil.Process(self.process.pid), *children]:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        psutil.wait_procs(children, timeout=10)
        self.process.wait(10)


def started(**environment: str) -> Gateway:
    port = free_port()
    command = [sys.executable, "manage.py", "gateway", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=os.environ | environment, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout
    assert b"listens" in process.stdout.readline()
    return Gateway(port, process)


def stop(gateway: Gateway) -> None:
    gateway.process.terminate()
    with suppress(subprocess.TimeoutExpired):
        gateway.process.wait(20)
    if gateway.process.poll() is None:
        gateway.kill()


@pytest.fixture
def start_gateway(committed_db: None) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways that a test may harm."""
    running: list[Gateway] = []

    def start(**environment: str) -> Gateway:
        running.append(started(**environment))
        return running[-1]

    yield start
    for gateway in running:
        stop(gateway)


@pytest.fixture(scope="session")
def shared_gateway(django_db_setup: None) -> Iterator[Gateway]:
    gateway = started()
    yield gateway
    stop(gateway)


@pytest.fixture
def gateway(shared_gateway: Gateway, committed_db: None) -> Gateway:
    """A gateway that other tests use too."""
    return shared_gateway


@pytest.fixture
def terminal(committed_db: None, sakura: Facility) -> Terminal:
    return registered(sakura, "CT1")


def registered(facility: Facility, ae_title: str, **fields: Any) -> Terminal:
    with as_center():
        return Terminal.objects.create(
            facility=facility, name=ae_title, ae_title=ae_title, **{"address": "127.0.0.1"} | fields
        )


def instance_uids() -> list[str]:
    with as_center():
        return sorted(Instance.objects.values_list("sop_instance_uid", flat=True))


def dcmtk(program: str) -> str:
    """The program of dcmtk, not the one of its name that pynetdicom installs."""
    path = DCMTK / program
    if not path.exists():
        pytest.skip(f"dcmtk's {program} is not installed")
    return str(path)


def run_dcmtk(program: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [dcmtk(program), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
