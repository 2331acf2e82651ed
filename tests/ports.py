"""Ports for what tests start: none that the system gives to connections, and other ones for each test process."""

import os
import socket
from itertools import cycle

EACH, FIRST = 500, 20_000
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
_OFFERED = cycle(range(FIRST + EACH * int(_WORKER) + os.getpid() % 400, FIRST + EACH * (int(_WORKER) + 1)))


def free_port() -> int:
    """A port of loopback that nothing listens on, and that is not given out again soon."""
    for port in _OFFERED:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError
