"""Answers that reach who asked for them: what pynetdicom's own associations are lent for that."""

from threading import Condition, Event, current_thread
from typing import cast

from pynetdicom.association import Association

AGAIN_S = 0.05


def keep_answers(assoc: Association) -> Association:
    """The same association, whose reactor leaves the answer to a request to the one who waits for it.

    pynetdicom 3.0.4 (pydicom/pynetdicom#875) believes its reactor paused a moment before it is: on a busy machine one
    answer in some hundreds is thrown away and its request ends at the timeout. And a report that is served meanwhile
    says that the reactor runs when it does not: the next request then never begins.
    """
    assoc._reactor_checkpoint = cast(Event, _Checkpoint(assoc))  # noqa: SLF001 no other way in
    return assoc


class _Checkpoint:
    """What the reactor passes each time round. Closing it returns once the reactor stands before it."""

    def __init__(self, assoc: Association) -> None:
        self._assoc = assoc
        self._changed = Condition()
        self._is_open, self._is_reached = True, False

    def wait(self) -> None:
        with self._changed:
            self._is_reached = True
            self._changed.notify_all()
            while not self._changed.wait_for(lambda: self._is_open, AGAIN_S):
                self._assoc._is_paused = True  # noqa: SLF001
            self._is_reached = False

    def set(self) -> None:
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._is_open = False
            while not self._is_reached and self._is_running():
                self._changed.wait(AGAIN_S)

    def _is_running(self) -> bool:
        return not self._assoc._kill and current_thread() is not self._assoc  # noqa: SLF001
