"""Deliveries: what staff have dispatched to a node is sent to it, by C-STORE or STOW-RS. Any number of workers may."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from apps.catalog.models import Instance
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.dicomnet.certificates import client_context
from apps.dicomnet.sending import send_to
from apps.dicomnet.web_sending import store_to
from apps.orders.addresses import reachable_address
from apps.orders.delivering import claim_delivery, conclude, note_answers, unanswered
from apps.orders.models import Delivery, Node, Via
from apps.orders.nodes import authorization_of
from apps.orders.statuses import is_taken

AT_ONCE = 2000
KEPT_EVERY_S = 1.0
MOST_CUTS = 3
"""An image over which a node ends the association holds up no other one; a node that does it often is left alone."""
log = logging.getLogger(__name__)


def deliver_due() -> int:
    """Send what is due; returns how many orders were dispatched by it."""
    done = 0
    while delivery := claim_delivery(now=database_now()):
        done += deliver(delivery)
    return done


def deliver(delivery: Delivery) -> bool:
    """Send what the node has not taken; whether the order is dispatched by it."""
    answers, problem, cuts, after = _Answers(delivery), "", 0, 0
    while cuts < MOST_CUTS and answers.are_wanted and (images := unanswered(delivery, AT_ONCE, after=after)):
        after = images[-1].pk
        try:
            for instance, status in _sent(delivery.node, images):
                if not answers.add(instance, status):
                    break
        except DomainError as error:
            log.warning("Delivery %s was cut: %s", delivery.pk, error.message)
            problem, after = error.message, 0
            cuts = cuts + 1 if answers.waiting else MOST_CUTS
        answers.keep()
    return conclude(delivery, problem=problem, has_progressed=answers.has_progressed, now=database_now())


def _sent(node: Node, images: Sequence[Instance]) -> Iterator[tuple[Instance, int | None]]:
    """Each image with the status it got. Raises DomainError."""
    if node.via == Via.WEB:
        parts = urlsplit(node.url)
        reachable_address(parts.hostname or "", parts.port or 443)
        return store_to(node.url, authorization_of(node), images)
    address = reachable_address(node.address, node.dicom_port or 0)
    peer = _Resolved(node.ae_title, address, node.dicom_port)
    return send_to(peer, images, tls=(client_context(), node.address) if node.is_tls else None)


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A sending.Peer whose host name was looked up."""

    ae_title: str
    address: str
    dicom_port: int | None


class _Answers:
    """Kept every second, so that as much is not sent again when the worker dies."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.waiting: list[tuple[str, int | None]] = []
        self._kept_at = time.monotonic()
        self.has_progressed, self.are_wanted = False, True

    def add(self, instance: Instance, status: int | None) -> bool:
        """Whether the delivery goes on."""
        self.waiting.append((instance.sop_instance_uid, status))
        if time.monotonic() - self._kept_at >= KEPT_EVERY_S:
            self.keep()
        return self.are_wanted

    def keep(self) -> None:
        self.has_progressed |= any(is_taken(status) for _, status in self.waiting)
        self.are_wanted = note_answers(self._delivery, self.waiting, now=database_now())
        self.waiting, self._kept_at = [], time.monotonic()
