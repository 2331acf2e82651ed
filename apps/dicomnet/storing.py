"""C-STORE (PS3.4, annex B; PS3.7, 9.1.1): an image is acknowledged when it is durable; packing it follows.

An association that stores is one collection. Its images go into a journal as they arrive, and every second or so what
has come is let go of to be packed.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

from django.utils import timezone

from apps.audit.record import Actor
from apps.catalog.file_meta import head_of
from apps.collection.models import Terminal
from apps.collection.promises import promise
from apps.dicomnet.association import Message
from apps.dicomnet.commands import Element, Value
from apps.dicomnet.meters import STORED
from apps.vault.errors import VaultUnavailable
from apps.vault.journal import Journal

SUCCESS, OUT_OF_RESOURCES, INVALID_INSTANCE, SOP_CLASS_MISMATCH = 0x0000, 0xA700, 0x0117, 0x0122
TURN_AFTER_S, TURN_BYTES, TURN_COUNT = 1.0, 256 * 1024 * 1024, 1000
_UID = re.compile(r"[0-9.]{1,64}")
log = logging.getLogger(__name__)


class Storing:
    """What one association stores."""

    def __init__(self, terminal: Terminal, actor: Actor, announce: Callable[[], None]) -> None:
        """`announce` tells whoever packs that there is something."""
        self._terminal = terminal
        self._actor = actor
        self._announce = announce
        self._journal: Journal | None = None
        self._since = 0.0

    @property
    def is_pending(self) -> bool:
        """Whether something waits to be let go of."""
        return self._journal is not None and self._journal.count > 0

    def store(self, message: Message) -> dict[Element, Value]:
        """The response. The data set is read to its end, whatever becomes of it."""
        command = message.command
        status, comment = self._refusal(message) or self._keep(message)
        message.drain()
        STORED.labels(f"{status:04X}").inc()
        response: dict[Element, Value] = {
            Element.AFFECTED_SOP_CLASS_UID: command.text(Element.AFFECTED_SOP_CLASS_UID),
            Element.STATUS: status,
            Element.AFFECTED_SOP_INSTANCE_UID: command.text(Element.AFFECTED_SOP_INSTANCE_UID),
        }
        if comment:
            response[Element.ERROR_COMMENT] = comment
        return response

    def turn_if_due(self) -> None:
        """Let go of what has come, once it is old or much."""
        journal = self._journal
        if (
            journal
            and journal.count
            and (
                time.monotonic() - self._since > TURN_AFTER_S
                or journal.length_bytes > TURN_BYTES
                or journal.count >= TURN_COUNT
            )
        ):
            journal.turn()
            self._announce()

    def close(self) -> None:
        """The association has ended."""
        if self._journal:
            self._journal.close()
            self._announce()

    @staticmethod
    def _refusal(message: Message) -> tuple[int, str] | None:
        command = message.command
        if not _UID.fullmatch(command.text(Element.AFFECTED_SOP_INSTANCE_UID)):
            return INVALID_INSTANCE, "The Affected SOP Instance UID is no UID"
        if command.text(Element.AFFECTED_SOP_CLASS_UID) != message.context.abstract_syntax:
            return SOP_CLASS_MISMATCH, "The SOP class is not that of the presentation context"
        if not command.has_data_set:
            return INVALID_INSTANCE, "There is no data set"
        return None

    def _keep(self, message: Message) -> tuple[int, str]:
        try:
            if self._journal is None:
                uid, now = uuid4(), timezone.now()
                promised = promise(uid, self._terminal, actor=self._actor, now=now)
                self._journal = Journal(uid, promised.encoded())
            if not self._journal.count:
                self._since = time.monotonic()
            self._journal.add(self._file(message))
        except VaultUnavailable as error:
            log.error("C-STORE refused, nothing was stored: %s", error.message)  # noqa: TRY400
            return OUT_OF_RESOURCES, "The vault cannot be written now"
        return SUCCESS, ""

    @staticmethod
    def _file(message: Message) -> Iterator[bytes | memoryview]:
        """A DICOM file: the data set as it arrives, behind its file meta information."""
        command = message.command
        yield head_of(
            command.text(Element.AFFECTED_SOP_CLASS_UID),
            command.text(Element.AFFECTED_SOP_INSTANCE_UID),
            message.context.transfer_syntax,
        )
        yield from message.data
