"""A DICOM node as a source: C-FIND, and C-GET or C-MOVE (PS3.4, annex C), by pynetdicom as SCU."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from pydicom.dataset import Dataset
from pynetdicom import build_role, evt
from pynetdicom.association import Association

from apps.catalog.file_meta import head_of
from apps.catalog.part10 import is_uid
from apps.collection.models import Terminal
from apps.dicomnet.contexts import STUDY_ROOT_FIND, STUDY_ROOT_GET, STUDY_ROOT_MOVE
from apps.dicomnet.listing import MOST_LISTED, ListedImage, ListedStudy, SourceFailed, TooMuchListed
from apps.dicomnet.sending import Unreachable, associate

PENDING = {0xFF00, 0xFF01}
SYNTAXES = (
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102",
    "1.2.840.10008.1.2.4.103", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
)  # fmt: skip
"""Each in a context of its own, so that the node sends an image as it has it."""


class NodeReader:
    """See listing.Reader. With C-MOVE the node sends to our gateway, and `fetch` puts nothing into the folder."""

    def __init__(self, node: Terminal, *, by_move: bool) -> None:
        self._node = node
        self._by_move = by_move

    def studies(self, since: date | None) -> list[ListedStudy]:
        """See Reader."""
        days = f"{since:%Y%m%d}-" if since else ""
        found = self._find(
            QueryRetrieveLevel="STUDY", StudyDate=days, StudyInstanceUID="", NumberOfStudyRelatedInstances=""
        )
        return [
            ListedStudy(_uid(each, "StudyInstanceUID"), _count(each)) for each in found if "StudyInstanceUID" in each
        ]

    def images(self, study_instance_uid: str) -> list[ListedImage]:
        """See Reader."""
        listed: list[ListedImage] = []
        keys = {"StudyInstanceUID": study_instance_uid}
        found = self._find(QueryRetrieveLevel="SERIES", SeriesInstanceUID="", **keys)
        for uid in [_uid(each, "SeriesInstanceUID") for each in found]:
            images = self._find(
                QueryRetrieveLevel="IMAGE", SeriesInstanceUID=uid, SOPInstanceUID="", SOPClassUID="", **keys
            )
            listed += [
                ListedImage(study_instance_uid, uid, _uid(each, "SOPInstanceUID"), _uid(each, "SOPClassUID"))
                for each in images
            ]
            if len(listed) > MOST_LISTED:
                raise TooMuchListed
        return listed

    def fetch(self, images: list[ListedImage], folder: Path) -> None:
        """See Reader."""
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "IMAGE"
        identifier.StudyInstanceUID, identifier.SeriesInstanceUID = (
            images[0].study_instance_uid,
            images[0].series_instance_uid,
        )
        identifier.SOPInstanceUID = [image.sop_instance_uid for image in images]
        if self._by_move:
            with self._associated([(STUDY_ROOT_MOVE, None)]) as assoc:
                list(_finish(assoc.send_c_move(identifier, settings.DICOM_AE_TITLE, STUDY_ROOT_MOVE), may_warn=False))
            return

        def keep(event: evt.Event) -> int:
            request: Any = event.request
            uid = str(request.AffectedSOPInstanceUID)
            if not is_uid(uid):
                return 0x0117
            head = head_of(str(request.AffectedSOPClassUID), uid, str(event.context.transfer_syntax))
            (folder / uid).write_bytes(head + request.DataSet.getvalue())
            return 0

        classes = sorted({image.sop_class_uid for image in images if image.sop_class_uid})
        contexts = [(STUDY_ROOT_GET, None), *((sop_class, syntax) for sop_class in classes for syntax in SYNTAXES)]
        roles = [build_role(sop_class, scp_role=True) for sop_class in classes]
        with self._associated(contexts, roles, [(evt.EVT_C_STORE, keep)]) as assoc:
            list(_finish(assoc.send_c_get(identifier, STUDY_ROOT_GET)))

    def _find(self, **keys: str) -> Iterator[Dataset]:
        identifier = Dataset()
        for keyword, value in keys.items():
            setattr(identifier, keyword, value)
        with self._associated([(STUDY_ROOT_FIND, None)]) as assoc:
            yield from _finish(assoc.send_c_find(identifier, STUDY_ROOT_FIND))

    @contextmanager
    def _associated(
        self, contexts: Sequence[tuple[str, str | None]], roles: Sequence[Any] = (), handlers: Sequence[Any] = ()
    ) -> Iterator[Association]:
        try:
            assoc = associate(self._node, contexts, roles, handlers)
        except Unreachable as error:
            raise SourceFailed(error.message) from error
        try:
            yield assoc
        finally:
            if assoc.is_established:
                assoc.release()


def _finish(responses: Iterator[tuple[Dataset, Dataset | None]], *, may_warn: bool = True) -> Iterator[Dataset]:
    """What the pending responses hold. Raises SourceFailed unless the last says success, or a warning.

    A warning of C-MOVE means that images did not come; with C-GET it is seen which ones.
    """
    count, last = 0, -1
    for status, identifier in responses:
        if "Status" not in status:
            raise SourceFailed("The node went away")
        last = int(status.Status)
        if last in PENDING and identifier is not None:
            count += 1
            if count > MOST_LISTED:
                raise TooMuchListed
            yield identifier
    if last != 0 and not (may_warn and last >> 12 == 0xB):
        raise SourceFailed(f"The node answers with status {last:04X}H")


def _uid(found: Dataset, keyword: str) -> str:
    return str(found.get(keyword, ""))


def _count(study: Dataset) -> int | None:
    try:
        return int(study.get("NumberOfStudyRelatedInstances", ""))
    except (OverflowError, TypeError, ValueError):  # it need not tell
        return None
