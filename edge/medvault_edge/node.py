"""A facility's DICOM node as a source: found by C-FIND, fetched by C-GET or C-MOVE, kept as it came."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from medvault_edge.errors import EdgeError, NotUsable
from medvault_edge.reactor import keep_answers
from medvault_edge.receiver import OUT_OF_RESOURCES, Receiver

TIMEOUT_S = 60
PENDING = {0xFF00, 0xFF01}
_SYNTAXES = (
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102",
    "1.2.840.10008.1.2.4.103", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
)  # fmt: skip


class NodeUnreachable(EdgeError):
    """The node does not answer, or refuses the association."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Node:
    """Where it is: AETITLE@host:port."""

    ae_title: str
    host: str
    port: int

    @classmethod
    def parsed(cls, text: str) -> "Node":
        """Raises NotUsable where the text is no address."""
        title, _, address = text.partition("@")
        host, _, port = address.rpartition(":")
        if not (title and host and port.isdigit()):
            raise NotUsable("A node is named like ORTHANC@192.0.2.10:104")
        return cls(title, host, int(port))


@dataclass(frozen=True, slots=True)
class Listed:
    """An image that the node says it has."""

    study: str
    series: str
    sop_instance_uid: str
    sop_class_uid: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a node lists, how much of it was `known`, what came (SHA-256 by SOP Instance UID), what did not."""

    listed: int
    known: int
    received: dict[str, str]
    missing: tuple[str, ...]


def fetch(
    node: Node,
    *,
    into: Path,
    calling_ae: str,
    since: date | None,
    until: date | None,
    via: Literal["get", "move"],
    is_known: Callable[[str], bool] = lambda _uid: False,
    move_port: int = 11113,
) -> Fetched:
    """Fetch what the node has of those days, save what `is_known` by SOP Instance UID. Raises NodeUnreachable."""
    into.mkdir(parents=True, exist_ok=True)
    found = listed(node, calling_ae=calling_ae, since=since, until=until)
    wanted = [each for each in found if not is_known(each.sop_instance_uid)]
    received = (
        _moved(node, wanted, into, calling_ae, move_port) if via == "move" else _got(node, wanted, into, calling_ae)
    )
    missing = tuple(each.sop_instance_uid for each in wanted if each.sop_instance_uid not in received)
    return Fetched(len(found), len(found) - len(wanted), received, missing)


def listed(node: Node, *, calling_ae: str, since: date | None, until: date | None) -> list[Listed]:
    """Everything the node has of those study dates; all where both are open. Raises NodeUnreachable."""
    model = StudyRootQueryRetrieveInformationModelFind
    with _Associated(node, calling_ae, [(model, None)]) as assoc:
        studies = _find(assoc, model, QueryRetrieveLevel="STUDY", StudyDate=_range(since, until), StudyInstanceUID="")
        found = []
        for study in dict.fromkeys(str(each.StudyInstanceUID) for each in studies):
            for series in _find(
                assoc, model, QueryRetrieveLevel="SERIES", StudyInstanceUID=study, SeriesInstanceUID=""
            ):
                images = _find(
                    assoc, model, QueryRetrieveLevel="IMAGE", StudyInstanceUID=study,
                    SeriesInstanceUID=str(series.SeriesInstanceUID), SOPInstanceUID="", SOPClassUID="",
                )  # fmt: skip
                found += [
                    Listed(
                        study, str(series.SeriesInstanceUID), str(each.SOPInstanceUID), str(each.get("SOPClassUID", ""))
                    )
                    for each in images
                ]
    return found


def _find(assoc: Association, model: str, **keys: str) -> list[Dataset]:
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    found = []
    for status, answer in assoc.send_c_find(identifier, model):
        if "Status" not in status:
            raise NodeUnreachable("The node went away while it was asked what it has")
        if status.Status in PENDING and answer is not None:
            found.append(answer)
        elif status.Status != 0 and status.Status not in PENDING:
            raise NodeUnreachable(f"The node refuses to tell what it has (status {status.Status:04X}H)")
    return found


def _got(node: Node, wanted: list[Listed], into: Path, calling_ae: str) -> dict[str, str]:
    model = StudyRootQueryRetrieveInformationModelGet
    received: dict[str, str] = {}

    def keep(event: evt.Event) -> int:
        content = event.encoded_dataset()
        try:
            digest = _write(into, content)
        except OSError:
            return OUT_OF_RESOURCES
        received[str(event.request.AffectedSOPInstanceUID)] = digest  # type: ignore[union-attr]
        return 0

    for classes, images in _by_class(wanted):
        contexts = [(sop_class, [syntax]) for sop_class in classes for syntax in _SYNTAXES]
        roles = [build_role(sop_class, scp_role=True) for sop_class in classes]
        with _Associated(node, calling_ae, [(model, None), *contexts], roles, [(evt.EVT_C_STORE, keep)]) as assoc:
            for identifier in _retrievals(images):
                for status, _ in assoc.send_c_get(identifier, model):
                    if "Status" not in status:
                        raise NodeUnreachable("The node went away while it delivered")
    return received


def _moved(node: Node, wanted: list[Listed], into: Path, calling_ae: str, port: int) -> dict[str, str]:
    model = StudyRootQueryRetrieveInformationModelMove
    with TemporaryDirectory(dir=into) as folder, Receiver(Path(folder), ae_title=calling_ae, port=port):
        with _Associated(node, calling_ae, [(model, None)]) as assoc:
            for identifier in _retrievals(wanted):
                for status, _ in assoc.send_c_move(identifier, calling_ae, model):
                    if "Status" not in status:
                        raise NodeUnreachable("The node went away while it delivered")
        received = {}
        for path in Path(folder).rglob("*.dcm"):  # named by their SHA-256
            received[str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)] = path.stem
            path.replace(into / path.name)
    return received


def _retrievals(wanted: Iterable[Listed]) -> Iterator[Dataset]:
    """One retrieval for each series, of the images that are wanted."""
    series: dict[tuple[str, str], list[str]] = {}
    for each in wanted:
        series.setdefault((each.study, each.series), []).append(each.sop_instance_uid)
    for (study, uid), images in series.items():
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "IMAGE"
        identifier.StudyInstanceUID, identifier.SeriesInstanceUID, identifier.SOPInstanceUID = study, uid, images
        yield identifier


def _by_class(wanted: list[Listed]) -> Iterator[tuple[list[str], list[Listed]]]:
    """Images by SOP class, so many classes at a time as one association has contexts for."""
    classes = sorted({each.sop_class_uid for each in wanted if each.sop_class_uid})
    per_association = max(1, 120 // len(_SYNTAXES))
    for start in range(0, len(classes), per_association):
        group = classes[start : start + per_association]
        yield group, [each for each in wanted if each.sop_class_uid in group]


def _range(since: date | None, until: date | None) -> str:
    begin, end = (f"{day:%Y%m%d}" if day else "" for day in (since, until))
    return f"{begin}-{end}" if begin or end else ""


def _write(folder: Path, content: bytes) -> str:
    """The SHA-256 of what was written."""
    digest = sha256(content).hexdigest()
    partial = folder / f"{digest}.part"
    partial.write_bytes(content)
    partial.replace(folder / f"{digest}.dcm")
    return digest


class _Associated:
    """An association with a node, released in the end."""

    def __init__(self, node: Node, calling_ae: str, contexts: list[tuple[str, Any]], roles: list[Any] | None = None,
                 handlers: list[Any] | None = None) -> None:  # fmt: skip
        entity = AE(calling_ae)
        entity.acse_timeout = entity.connection_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
        for abstract, transfer in contexts:
            entity.add_requested_context(abstract, transfer)
        self._assoc = entity.associate(
            node.host, node.port, ae_title=node.ae_title, ext_neg=roles or None, evt_handlers=handlers or None
        )
        if not self._assoc.is_established:
            raise NodeUnreachable("The node refuses us" if self._assoc.is_rejected else "The node does not answer")
        keep_answers(self._assoc)

    def __enter__(self) -> Association:
        return self._assoc

    def __exit__(self, *_: object) -> None:
        if self._assoc.is_established:
            self._assoc.release()
