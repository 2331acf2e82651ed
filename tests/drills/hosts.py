"""Hosts of their own on one machine: network namespaces on a bridge, to be cut off and joined (Linux, root)."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

BRIDGE, NETWORK, HERE = "mvdrill", "10.77.0", "10.77.0.1"


@dataclass
class Host:
    """`name` is at most eight letters long, for a network interface bears it."""

    name: str
    address: str
    logs: Path
    running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def start(self, *command: object, environment: Mapping[str, str], user: str = "") -> "subprocess.Popen[bytes]":
        """Start a program there; its output goes to a file of the host's name."""
        whole = ["ip", "netns", "exec", self._namespace, *map(str, command)]
        if user:
            whole[4:4] = ["runuser", "-u", user, "--"]
        with (self.logs / f"{self.name}.log").open("ab") as log:
            process = subprocess.Popen(whole, env=dict(environment), stdout=log, stderr=log, start_new_session=True)
        self.running.append(process)
        return process

    def cut_off(self) -> None:
        """As when its cable is pulled: nothing is told to anybody."""
        _ip("link", "set", self._cable, "down")

    def join(self) -> None:
        """Plug it in again."""
        _ip("link", "set", self._cable, "up")

    def kill(self) -> None:
        """Every process of it at once, as when the power fails."""
        for process in self.running:
            with suppress(psutil.NoSuchProcess):
                for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                    with suppress(psutil.NoSuchProcess):
                        each.kill()
            process.wait(30)
        self.running.clear()

    @property
    def _namespace(self) -> str:
        return f"{BRIDGE}-{self.name}"

    @property
    def _cable(self) -> str:
        return f"mv-{self.name}"


@contextmanager
def hosts(logs: Path, **addresses: int) -> Iterator[dict[str, Host]]:
    """Hosts by name, with the last number of their addresses. All is gone afterwards."""
    made = {name: Host(name, f"{NETWORK}.{number}", logs) for name, number in addresses.items()}
    _clear(made)
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{HERE}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for host in made.values():
            _connect(host)
        yield made
    finally:
        for host in made.values():
            host.kill()
        _clear(made)


def why_not() -> str:
    """Why this machine cannot have such hosts; empty where it can."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    if not (shutil.which("ip") and shutil.which("runuser")):
        return "the programs ip (iproute2) and runuser are not installed"
    try:
        _ip("netns", "add", f"{BRIDGE}-try")
        _ip("netns", "delete", f"{BRIDGE}-try")
    except subprocess.CalledProcessError as error:
        return f"network namespaces cannot be made here: {error.stderr.decode().strip()}"
    return ""


def _connect(host: Host) -> None:
    namespace, cable = host._namespace, host._cable
    _ip("netns", "add", namespace)
    _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    _ip("link", "set", cable, "master", BRIDGE, "up")
    _ip("-n", namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("-n", namespace, "link", "set", device, "up")


def _clear(made: Mapping[str, Host]) -> None:
    for host in made.values():
        for gone in (("netns", "delete", host._namespace), ("link", "delete", host._cable)):
            with suppress(subprocess.CalledProcessError):
                _ip(*gone)
    with suppress(subprocess.CalledProcessError):
        _ip("link", "delete", BRIDGE)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
