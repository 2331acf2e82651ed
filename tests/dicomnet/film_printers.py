"""Film printers: dcmtk's, which keeps what it is sent; and one of pynetdicom's that fails as it is told."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicColorImageBox,
    BasicColorPrintManagementMeta,
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    PresentationLUT,
    Printer,
    PrinterInstance,
)

from tests.dicomnet.conftest import dcmtk
from tests.ports import free_port
from tests.waiting import until

CONFIGURATION = """
[[GENERAL]]
[APPLICATION]
LogDirectory = {folder}
[PRINT]
Directory = {folder}
[DATABASE]
Directory = {folder}
[LUT]
Directory = {folder}
[[COMMUNICATION]]
[IMAGER]
Aetitle = IMAGER
Description = a film printer
Hostname = localhost
Port = {port}
Type = LOCALPRINTER
MaxPDU = 32768
DisplayFormat=1,1\\1,2\\2,2
FilmSizeID = 8INX10IN\\14INX17IN
MediumType = BLUE FILM
BorderDensity = BLACK
EmptyImageDensity = BLACK
MaxDensity = 320
MinDensity = 20
Supports12Bit = true
SupportsDecimateCrop = true
SupportsImageSize = true
SupportsPresentationLUT = true
PresentationLUTinFilmSession = false
PresentationLUTMatchRequired = false
"""


@contextmanager
def dcmprscp(folder: Path) -> Iterator[int]:
    """dcmtk's; its port. What it prints lies in the folder: SP_*, stored prints, and HG_*, their images."""
    port, configuration = free_port(), folder / "dcmpstat.cfg"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port))
    command = [dcmtk("dcmprscp"), "--config", str(configuration), "--printer", "IMAGER"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        return any(each.laddr.port == port for each in psutil.Process(process.pid).net_connections())

    until(listens)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


def printed_by(folder: Path) -> list[tuple[Dataset, list[Dataset]]]:
    """Each sheet that dcmprscp was to print with the images of its boxes, in their order."""
    images = {each.SOPInstanceUID: each for each in map(dcmread, folder.glob("HG_*"))}
    prints = map(dcmread, sorted(folder.glob("SP_*"), key=lambda path: path.stat().st_mtime_ns))
    return [
        (each, [
            images[box.ReferencedImageSequence[0].ReferencedSOPInstanceUID]
            for box in sorted(each.ImageBoxContentSequence, key=lambda box: box.ImageBoxPosition)
        ])
        for each in prints
    ]  # fmt: skip


@dataclass
class FilmPrinter:
    """Answers well until told otherwise: `refusals` by operation; `on_fill` and `on_print` before the answer for the
    n-th image or sheet.
    """

    status: str = "NORMAL"
    info: str = "NORMAL"
    refusals: dict[str, int] = field(default_factory=dict)
    on_fill: Callable[[evt.Event, int], None] | None = None
    on_print: Callable[[evt.Event, int], None] | None = None
    places: int = 30
    sessions: list[Dataset] = field(default_factory=list)
    film_boxes: list[Dataset] = field(default_factory=list)
    boxes: list[Dataset] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    @contextmanager
    def listening(self, tls: ssl.SSLContext | None = None) -> Iterator[int]:
        ae = AE("IMAGER")
        for each in (BasicGrayscalePrintManagementMeta, BasicColorPrintManagementMeta, PresentationLUT):
            ae.add_supported_context(each)
        handlers: list[Any] = [
            (evt.EVT_N_GET, self._get), (evt.EVT_N_CREATE, self._create), (evt.EVT_N_SET, self._set),
            (evt.EVT_N_ACTION, self._action), (evt.EVT_N_DELETE, self._delete),
        ]  # fmt: skip
        server: Any = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=tls)
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()

    def report(self, event: evt.Event, kind: int, info: str) -> None:
        """N-EVENT-REPORT of the printer."""
        told = Dataset()
        told.PrinterStatusInfo = info
        event.assoc.send_n_event_report(
            told, kind, Printer, PrinterInstance, meta_uid=BasicGrayscalePrintManagementMeta
        )

    def _get(self, _event: evt.Event) -> tuple[int, Dataset]:
        told = Dataset()
        told.PrinterStatus, told.PrinterStatusInfo = self.status, self.info
        return self.refusals.get("get", 0), told

    def _create(self, event: evt.Event) -> tuple[int, Dataset]:
        sop_class, asked = event.request.AffectedSOPClassUID, event.attribute_list
        made = Dataset()
        if sop_class == BasicFilmSession:
            self.sessions.append(asked)
        elif sop_class == BasicFilmBox:
            self.film_boxes.append(asked)
            is_colour = event.context.abstract_syntax == BasicColorPrintManagementMeta
            made.ReferencedImageBoxSequence = [Dataset() for _ in range(self.places)]
            for place in made.ReferencedImageBoxSequence:
                place.ReferencedSOPClassUID = BasicColorImageBox if is_colour else BasicGrayscaleImageBox
                place.ReferencedSOPInstanceUID = generate_uid()
        return self.refusals.get("lut" if sop_class == PresentationLUT else "create", 0), made

    def _set(self, event: evt.Event) -> tuple[int, Dataset]:
        self.boxes.append(event.attribute_list)
        if self.on_fill:
            self.on_fill(event, len(self.boxes))
        return self.refusals.get("set", 0), Dataset()

    def _action(self, event: evt.Event) -> tuple[int, None]:
        if status := self.refusals.get("print", 0):
            return status, None
        request: Any = event.request
        self.printed.append(request.RequestedSOPInstanceUID)
        if self.on_print:
            with suppress(RuntimeError):
                self.on_print(event, len(self.printed))
        return 0, None

    def _delete(self, event: evt.Event) -> int:
        request: Any = event.request
        self.deleted.append(request.RequestedSOPClassUID)
        return 0
