"""A clinic's DICOM node that answers the center's C-FIND with whatever it likes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from tests.ports import free_port

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@contextmanager
def hostile_node(*, matches: int = 1, **listed: Any) -> Iterator[int]:
    """Its port. `listed`: attributes of what it lists, so often, beside plausible ones; C-GET sends nothing."""

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        found = Dataset()
        found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID = "1.2.3", "1.2.3.1", "1.2.3.1.1"
        found.SOPClassUID = SECONDARY_CAPTURE
        for keyword, value in listed.items():
            setattr(found, keyword, value)
        for _ in range(matches):
            yield 0xFF00, found

    def get(event: evt.Event) -> Iterator[Any]:
        yield 0

    ae = AE()
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
    ae.add_supported_context(SECONDARY_CAPTURE, scu_role=True, scp_role=True)
    port = free_port()
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_FIND, find), (evt.EVT_C_GET, get)]
    )
    assert server
    yield port
    server.shutdown()
