"""Sending to another node as SCU, by pynetdicom: images as they were received, never transcoded."""

import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from pynetdicom import AE, _config
from pynetdicom.association import Association

from apps.catalog.bounds import Unreadable
from apps.catalog.bytes import data_set_pieces
from apps.catalog.file_meta import head_of
from apps.catalog.models import Instance
from apps.catalog.part10 import DEFLATED, IMPLICIT_LITTLE_ENDIAN
from apps.core.errors import DomainError
from apps.dicomnet.reactor import keep_answers
from apps.orders.statuses import NOT_SUPPORTED
from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.spool import passing_folder

MOST_CONTEXTS = 128
CONNECT_S, RESPONSE_S = 10, 60
_config.STORE_SEND_CHUNKED_DATASET = True  # files are sent as they lie on disk: neither decoded nor held in memory


class Unreachable(DomainError):
    """The node does not answer, refuses the association, or went away."""

    code = "unreachable"


class Peer(Protocol):
    """Where an application entity listens."""

    @property
    def ae_title(self) -> str: ...
    @property
    def address(self) -> str | None: ...
    @property
    def dicom_port(self) -> int | None: ...


def associate(
    node: Peer,
    contexts: Sequence[tuple[str, str | None]],
    roles: Sequence[Any] = (),
    handlers: Sequence[Any] = (),
    tls: tuple[ssl.SSLContext, str] | None = None,
) -> Association:
    """An association with a node or printer, for pairs of SOP class and transfer syntax; None: the usual ones.

    `tls`: with the name that the node's certificate is to have. Raises Unreachable.
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
        evt_handlers=list(handlers) or None, tls_args=tls,
    )  # fmt: skip
    if not assoc.is_established:
        raise Unreachable("The node refuses the association" if assoc.is_rejected else "The node does not answer")
    return keep_answers(assoc)


def send_to(
    node: Peer, instances: Sequence[Instance], *, originator: tuple[str, int] | None = None,
    tls: tuple[ssl.SSLContext, str] | None = None,
) -> Iterator[tuple[Instance, int | None]]:  # fmt: skip
    """Send each by C-STORE; yields its status, None where it could not be sent. Raises Unreachable.

    `originator`: AE title and Message ID of the C-MOVE this is for.
    """
    with passing_folder() as folder:
        for group in _by_contexts(instances):
            assoc = associate(node, sorted({_context(instance) for instance in group}), tls=tls)
            try:
                for instance in group:
                    status = _send(assoc, instance, folder / "instance.dcm", originator)
                    yield instance, status
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
            sop_class, syntax = _context(instance)
            # Some files came without a head, or with one of another image.
            length = file.write(head_of(sop_class, instance.sop_instance_uid, syntax))
            length += sum(file.write(piece) for piece in data_set_pieces(instance))
            if syntax in DEFLATED and length % 2:
                file.write(b"\0")  # as it must travel (PS3.5, A.5)
    except (MissingPack, VaultUnavailable, Unreadable, OSError):
        return None
    try:
        status = assoc.send_c_store(path, originator_aet=title, originator_id=message_id)
    except ValueError:  # its presentation context was not accepted
        return NOT_SUPPORTED
    except RuntimeError as error:  # the association is over
        raise Unreachable("The node ended the association") from error
    return int(status.Status) if "Status" in status else None
