"""An answer reaches who waits for it, however busy the machine."""

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import medvault_edge.reactor
import pytest
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

import apps.dicomnet.reactor
from tests.ports import free_port


class Node:
    """A peer that answers C-ECHO, or ends the association instead."""

    def __init__(self) -> None:
        self.asked, self.ends = Event(), False
        self.port = free_port()
        entity = AE("NODE")
        entity.add_supported_context(Verification)
        handlers: Any = [(evt.EVT_C_ECHO, self._answer)]
        self.server: Any = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def _answer(self, event: evt.Event) -> int:
        self.asked.set()
        if self.ends:
            event.assoc.abort()
        return 0


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.server.shutdown()


@pytest.fixture(params=[apps.dicomnet.reactor.keep_answers, medvault_edge.reactor.keep_answers],
                ids=["center", "edge"])  # fmt: skip
def assoc(node: Node, request: pytest.FixtureRequest) -> Association:
    keep: Callable[[Association], Association] = request.param
    entity = AE("CT1")
    entity.add_requested_context(Verification)
    return keep(entity.associate("127.0.0.1", node.port))


def echoed(assoc: Association) -> tuple[Thread, list[int]]:
    """What is answered, by a thread that asks."""
    statuses: list[int] = []
    thread = Thread(target=lambda: statuses.append(assoc.send_c_echo().Status), daemon=True)
    thread.start()
    return thread, statuses


def test_nothing_is_asked_while_the_reactor_could_still_take_the_answer(node: Node, assoc: Association) -> None:
    passed, go_on = Event(), Event()
    checkpoint: Any = assoc._reactor_checkpoint
    wait = checkpoint.wait

    def interrupted() -> None:
        """The reactor loses the processor just when it has passed."""
        wait()
        passed.set()
        go_on.wait()

    checkpoint.wait = interrupted
    assert passed.wait(5)
    thread, statuses = echoed(assoc)
    assert not node.asked.wait(0.3)
    go_on.set()
    thread.join(5)
    assert statuses == [0]
    assoc.release()
    assert assoc.is_released


def test_a_report_served_just_then_does_not_stop_the_next_request(assoc: Association) -> None:
    assoc._reactor_checkpoint.clear()
    assoc._is_paused = False  # as pynetdicom does when it has served one
    thread, statuses = echoed(assoc)
    thread.join(5)
    assert statuses == [0]
    assoc.release()


def test_an_association_that_the_node_ended_holds_nobody_up(node: Node, assoc: Association) -> None:
    node.ends = True
    assert "Status" not in assoc.send_c_echo()
    assoc.release()
    with pytest.raises(RuntimeError):
        assoc.send_c_echo()
