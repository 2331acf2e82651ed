"""Sending to another node as SCU, by pynetdicom: images as they were received, never transcoded."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from pynetdicom import AE, _config
from pynetdicom.association import Association

from apps.catalog.bytes import instance_pieces
from apps.catalog.models import Instance
from apps.catalog.part10 import IMPLICIT_LITTLE_ENDIAN
from apps.collection.models import Terminal
from apps.core.errors import DomainError
from apps.orders.models import Printer
from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.spool import passing_folder

MOST_CONTEXTS = 128
CONNECT_S, RESPONSE_S = 10, 60
_config.STORE_SEND_CHUNKED_DATASET = True  # files are sent as they lie on disk: neither decoded nor held in memory


class Unreachable(DomainError):
    """The node does not answer, refuses the association, or went away."""

    code = "unreachable"


def associate(
    node: Terminal | Printer,
    contexts: Sequence[tuple[str, str | None]],
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
) -> Association:
    """An association with a node or printer, for pairs of SOP class and transfer syntax; None: the usual ones.

    Raises Unreachable.
    """
    ae = AE(settings.DICOM_AE_TITLE)
    ae.connection_timeout = ae.acse_timeout = CONNECT_S
    ae.dimse_timeout = ae.network_timeout = RESPONSE_S
    for abstract, transfer in contexts:
        ae.add_requested_context(abstract, transfer)
    if not (node.address and node.dicom_port):
        raise Unreachable("The node's address and port are not registered")
    assoc = ae.associate(
        node.address, node.dicom_port, ae_title=node.ae_title, ext_neg=list(roles) or None,
        evt_handlers=list(handlers) or None,
    )  # fmt: skip
    if not assoc.is_established:
        raise Unreachable("The node refuses the association" if assoc.is_rejected else "The node does not answer")
    return assoc


def send_to(
    node: Terminal, instances: Sequence[Instance], *, originator: tuple[str, int] | None = None
) -> Iterator[tuple[Instance, int | None]]:
    """Send each by C-STORE; yields its status, None where it could not be tried. Raises Unreachable.

    `originator`: AE title and Message ID of the C-MOVE this is for.
    """
    with passing_folder() as folder:
        for group in _by_contexts(instances):
            assoc = associate(node, sorted({_context(instance) for instance in group}))
            try:
                for instance in group:
                    yield instance, _send(assoc, instance, folder / "instance.dcm", originator)
                    if not assoc.is_established:
                        raise Unreachable("The node ended the association")
            finally:
                if assoc.is_established:
                    assoc.release()


def _by_contexts(instances: Sequence[Instance]) -> Iterator[list[Instance]]:
    """Runs of instances that need no more presentation contexts than one association has."""
    group: list[Instance] = []
    contexts: set[tuple[str, str]] = set()
    for instance in instances:
        contexts.add(_context(instance))
        if len(contexts) > MOST_CONTEXTS:
            yield group
            group, contexts = [], {_context(instance)}
        group.append(instance)
    if group:
        yield group


def _context(instance: Instance) -> tuple[str, str]:
    return instance.sop_class_uid, instance.transfer_syntax_uid or IMPLICIT_LITTLE_ENDIAN


def _send(assoc: Association, instance: Instance, path: Path, originator: tuple[str, int] | None) -> int | None:
    title, message_id = originator or (None, None)
    try:
        with path.open("wb") as file:
            for piece in instance_pieces(instance):
                file.write(piece)
        status = assoc.send_c_store(path, originator_aet=title, originator_id=message_id)
    except (MissingPack, VaultUnavailable, OSError, ValueError):  # ValueError: its context was not accepted
        return None
    return int(status.Status) if "Status" in status else None
