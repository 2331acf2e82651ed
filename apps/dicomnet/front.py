"""The gateway's front: listens, counts, and hands each connection to the worker process that has the fewest.

Two or more workers use more than one core for one port; other children work in the background, such as packing what
was promised. A child that dies is started again; what it had acknowledged lies in journals.
"""

import json
import logging
import multiprocessing
import selectors
import signal
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import FrameType

from apps.dicomnet.acse import TOO_MANY_ASSOCIATIONS, rejection

BACKLOG = 512
LINGER_S, MOST_LINGERING = 2.0, 200
STOP_S = 10.0
RESTART_S = 1.0
RING = b"\1"
_fork = multiprocessing.get_context("fork")
log = logging.getLogger(__name__)

Work = Callable[[socket.socket, socket.socket], None]
"""What a child does: with its channel to the front, and the bell that is rung when there is something to pack."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections at a time: in all, and from one address."""

    in_all: int
    per_address: int


@dataclass(slots=True)
class _Worker:
    work: Work
    process: BaseProcess
    channel: socket.socket
    load: int = 0


class Front:
    """Runs until SIGTERM or SIGINT."""

    def __init__(self, listeners: dict[socket.socket, bool], *, workers: int, limits: Limits, serve: Work,
                 background: Sequence[Work]) -> None:  # fmt: skip
        """`listeners`: listening sockets, and whether each speaks TLS. `serve` and `background` run in children."""
        self._listeners = listeners
        self._limits = limits
        self._serve = serve
        self._open: dict[int, tuple[_Worker, str]] = {}
        self._by_address: Counter[str] = Counter()
        self._lingering: deque[tuple[float, socket.socket]] = deque()
        self._next = 0
        self._is_stopping = False
        self._selector = selectors.DefaultSelector()
        self._bells = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for bell in self._bells:
            bell.setblocking(False)
        self._background = [self._start(each) for each in background]
        self._workers = [self._start(serve) for _ in range(workers)]

    def run(self) -> None:
        """Accept and hand on, until told to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        for listener in self._listeners:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ)
        checked_at = 0.0
        while not self._is_stopping:
            for key, _ in self._selector.select(timeout=RESTART_S):
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj in self._listeners:
                    self._accept(key.fileobj)
                else:
                    self._over(key.fileobj)
            now = time.monotonic()
            while self._lingering and self._lingering[0][0] < now:
                self._lingering.popleft()[1].close()
            if now - checked_at > RESTART_S:
                checked_at = now
                self._restart()
        self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _accept(self, listener: socket.socket) -> None:
        self._restart()  # before there is a connection that a new child would inherit
        try:
            sock, peer = listener.accept()
        except OSError:  # gone again, or too many files are open
            return
        address = str(peer[0]).removeprefix("::ffff:")
        if len(self._open) >= self._limits.in_all or self._by_address[address] >= self._limits.per_address:
            log.warning("A connection of %s was rejected: too many are open", address)
            self._reject(sock)
            return
        worker = min(self._workers, key=lambda each: each.load)
        self._next += 1
        message = json.dumps({"key": self._next, "address": address, "tls": self._listeners[listener]}).encode()
        with sock, suppress(OSError):
            socket.send_fds(worker.channel, [message], [sock.fileno()])
            self._open[self._next] = (worker, address)
            self._by_address[address] += 1
            worker.load += 1

    def _reject(self, sock: socket.socket) -> None:
        """Say so, and give the peer a moment to read it."""
        with suppress(OSError):
            sock.setblocking(False)
            sock.send(rejection(TOO_MANY_ASSOCIATIONS))
        if len(self._lingering) >= MOST_LINGERING:
            self._lingering.popleft()[1].close()
        self._lingering.append((time.monotonic() + LINGER_S, sock))

    def _over(self, channel: socket.socket) -> None:
        """A worker tells that a connection has ended."""
        with suppress(OSError):  # nothing more to read, or the worker died: then it is replaced
            while content := channel.recv(64):
                self._forget(int(content))

    def _forget(self, key: int) -> None:
        worker, address = self._open.pop(key)
        worker.load -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _start(self, work: Work) -> _Worker:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        process = _fork.Process(target=self._child, args=(work, ours, theirs))
        process.start()
        theirs.close()
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ)
        return _Worker(work, process, ours)

    def _child(self, work: Work, ours: socket.socket, theirs: socket.socket) -> None:
        for inherited in [ours, *self._listeners, *(sock for _, sock in self._lingering)]:
            inherited.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            work(theirs, self._bells[work is not self._serve])
        except Exception:  # multiprocessing would print what it says
            log.exception("A process of the gateway broke")
            sys.exit(1)

    def _restart(self) -> None:
        for n, worker in enumerate(self._background):
            if not worker.process.is_alive():
                self._background[n] = self._replaced(worker)
        for n, worker in enumerate(self._workers):
            if not worker.process.is_alive():
                for key in [key for key, (holder, _) in self._open.items() if holder is worker]:
                    self._forget(key)
                self._workers[n] = self._replaced(worker)

    def _replaced(self, worker: _Worker) -> _Worker:
        log.error("A process of the gateway ended (exit code %s); starting it again", worker.process.exitcode)
        self._selector.unregister(worker.channel)
        worker.channel.close()
        return self._start(worker.work)

    def _stop(self) -> None:
        """End the workers, whose associations break; then let the background finish what they have promised."""
        for listener in self._listeners:
            listener.close()
        for worker in [*self._workers, *self._background]:
            worker.process.terminate()
            worker.process.join(STOP_S)
            if worker.process.is_alive():
                worker.process.kill()
