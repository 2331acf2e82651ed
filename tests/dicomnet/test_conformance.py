"""The conformance statement says what the gateway negotiates, class by class and syntax by syntax."""

import re

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
)

from apps.dicomnet.contexts import STORAGE
from medvault.env import PROJECT
from tests.dicomnet.conftest import Gateway, instance_uids
from tests.dicomnet.test_storing import associated, ct
from tests.waiting import until

STATEMENT = PROJECT / "docs" / "dicom_conformance.md"
EXPLICIT = "1.2.840.10008.1.2.1"
MOST_CONTEXTS = 128
PRIVATE = UID("1.3.12.2.1107.5.9.1")
"""The class by which Siemens' scanners send what is no image."""

pytestmark = pytest.mark.usefixtures("committed_db", "terminal")


def told(section: str) -> set[str]:
    """The UIDs that a section's table lists."""
    text = STATEMENT.read_text("utf-8").split(f"\n### {section} ", 1)[1].split("\n### ", 1)[0]
    return set(re.findall(r"\| ([0-9.]+) \|$", text, re.MULTILINE))


def negotiated(gateway: Gateway, contexts: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these are accepted."""
    found: set[tuple[str, str]] = set()
    for start in range(0, len(contexts), MOST_CONTEXTS):
        assoc = associated(gateway, *contexts[start : start + MOST_CONTEXTS])
        found |= {(str(each.abstract_syntax), str(each.transfer_syntax[0])) for each in assoc.accepted_contexts}
        assoc.release()
    return found


def test_every_class_and_syntax_of_the_statement_is_accepted_and_the_statement_lists_every_class(
    gateway: Gateway,
) -> None:
    contexts = [(each, EXPLICIT) for each in sorted(told("8.3"))]
    contexts += [(str(CTImageStorage), each) for each in sorted(told("8.4") - {EXPLICIT})]
    assert negotiated(gateway, contexts) == set(contexts)
    assert told("8.3") == STORAGE


def test_private_objects_are_kept_found_and_given_back(gateway: Gateway) -> None:
    sent = ct()
    sent.SOPClassUID = sent.file_meta.MediaStorageSOPClassUID = PRIVATE
    assoc = associated(gateway, (PRIVATE, EXPLICIT))
    assert assoc.send_c_store(sent).Status == 0
    assoc.release()
    until(lambda: instance_uids() == [sent.SOPInstanceUID])

    received: list[Dataset] = []

    def keep(event: evt.Event) -> int:
        received.append(event.dataset)
        return 0

    assoc = associated(
        gateway, (StudyRootQueryRetrieveInformationModelGet, None), (PRIVATE, EXPLICIT),
        ext_neg=[build_role(PRIVATE, scp_role=True)], evt_handlers=[(evt.EVT_C_STORE, keep)],
    )  # fmt: skip
    wanted = Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "STUDY", sent.StudyInstanceUID
    *_, (status, _failed) = assoc.send_c_get(wanted, StudyRootQueryRetrieveInformationModelGet)
    assoc.release()
    assert status.Status == 0
    assert [each.PixelData for each in received] == [sent.PixelData]
