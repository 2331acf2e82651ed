"""A small DICOM receiver for the facility's modalities: they are told when what they send lies in a folder, synced."""

import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from medvault_edge.errors import NotUsable

SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700
MOST_ASSOCIATIONS, IDLE_S = 20, 120
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
log = logging.getLogger(__name__)


class Receiver:
    """Listens while it is entered. Files are named by what is in them, so that no sender chooses a path."""

    def __init__(
        self,
        folder: Path,
        *,
        ae_title: str,
        port: int,
        host: str = "",
        allowed_ae_titles: frozenset[str] = frozenset(),
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        """`allowed_ae_titles`: callers that are taken; all where empty."""
        self._folder, self._clock = folder, clock
        self._address = (host, port)
        self._server: ThreadedAssociationServer | None = None
        self._ae = AE(ae_title)
        self._ae.maximum_associations, self._ae.network_timeout = MOST_ASSOCIATIONS, IDLE_S
        self._ae.require_calling_aet = sorted(allowed_ae_titles)
        for context in AllStoragePresentationContexts:
            self._ae.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        self._ae.add_supported_context(Verification)

    def __enter__(self) -> Self:
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_DATA_RECV, _acknowledge_at_once)]
        try:
            self._server = self._ae.start_server(self._address, block=False, evt_handlers=handlers)
        except OSError as error:
            raise NotUsable(f"Port {self._address[1]} cannot be listened on: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            self._server.shutdown()

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server
        return int(self._server.server_address[1])

    def _store(self, event: evt.Event) -> int:
        content = event.encoded_dataset()
        target = self._folder / f"{self._clock():%Y-%m-%d}" / f"{sha256(content).hexdigest()}.dcm"
        partial = target.with_suffix(".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            _sync(target.parent)
        except OSError as error:
            log.error("An image was refused: %s", error.strerror)  # noqa: TRY400
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            return OUT_OF_RESOURCES
        return SUCCESS


def _acknowledge_at_once(event: evt.Event) -> None:
    """Senders that leave Nagle's algorithm on wait for the acknowledgement; the kernel forgets this after each use."""
    sock = event.assoc.dul.socket
    if _QUICKACK is not None and sock and sock.socket:
        sock.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def _sync(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
