"""A film session with a printer, as SCU of the Basic Grayscale or Color Print Management Meta SOP Class (PS3.4, H).

What is printed are P-values: they go with the presentation LUT IDENTITY, where the printer knows of it.
"""

from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt
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

from apps.core.errors import DomainError
from apps.dicomnet.certificates import client_context
from apps.dicomnet.sending import associate
from apps.orders import models
from apps.orders.sheets.film_file import Box
from apps.orders.sheets.format import Format

SUCCESS, DEMAGNIFIED = 0x0000, 0xB604
HARMLESS = frozenset({
    0x0001,  # an optional attribute is not supported
    0x0107, 0x0116,  # an attribute or its value was replaced
    0xB600,  # memory is not set aside beforehand
    0xB605,  # densities are out of range
})  # fmt: skip
PRINT = 1
PRINTER_FAILS = 3
NORMAL, FAILURE = "NORMAL", "FAILURE"
LUMINANCE = (0.299, 0.587, 0.114)
VIEWING_BOX, ROOM = 2000, 10
"""Illumination and Reflected Ambient Light in cd/m², which the presentation LUT supposes (PS3.3 C.13.3)."""


class PrintFailed(DomainError):
    """The printer refuses, reports a failure, or went away."""

    code = "print_failed"


class Unanswered(PrintFailed):
    """Told to print a sheet, it did not answer, or failed afterwards: whether the sheet comes out is not known."""


class Told(NamedTuple):
    """What a printer says of itself: NORMAL, WARNING or FAILURE, and why."""

    status: str
    info: str


class FilmSession:
    """Opened on entering, closed on leaving. Every call raises PrintFailed, and entering Unreachable."""

    def __init__(self, printer: models.Printer, *, is_colour: bool = False) -> None:
        self._printer = printer
        self._is_colour = is_colour
        self._meta = BasicColorPrintManagementMeta if is_colour else BasicGrayscalePrintManagementMeta
        self._session_uid = self._lut_uid = ""
        self._reported: Told | None = None

    def __enter__(self) -> Self:
        printer, contexts = self._printer, [(self._meta, None), (PresentationLUT, None)]
        handlers = [(evt.EVT_N_EVENT_REPORT, self._hear)]
        tls = (client_context(), printer.address) if printer.is_tls else None
        self._assoc = associate(printer, contexts, handlers=handlers, tls=tls)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if error is None and self._session_uid:
            with suppress(PrintFailed):
                self._try(self._assoc.send_n_delete, BasicFilmSession, self._session_uid)
        if self._assoc.is_established:
            self._assoc.release()

    def ask(self) -> Told:
        """What the printer says of itself now."""
        status, answer = self._try(self._assoc.send_n_get, [0x21100010, 0x21100020], Printer, PrinterInstance)
        _require(status, "The printer does not tell its status")
        told = Told(*(str((answer or Dataset()).get(name) or "") for name in ("PrinterStatus", "PrinterStatusInfo")))
        return self._reported if self._reported and self._reported.status == FAILURE else told

    def begin(self, *, copies: int, is_urgent: bool, medium_type: str, label: str) -> None:
        """Create the film session and, where the printer takes it, the presentation LUT."""
        session = Dataset()
        session.NumberOfCopies = copies
        session.PrintPriority = "HIGH" if is_urgent else "MED"
        session.MediumType = medium_type
        session.FilmSessionLabel = label
        self._session_uid = self._created(session, BasicFilmSession, "The printer refuses the film session")
        self._lut_uid = self._presentation_lut()

    def fill(self, layout: Format, boxes: Iterable[Box]) -> str:
        """Create a film box and fill its image boxes; its UID, for `print`."""
        box = Dataset()
        box.ImageDisplayFormat = f"STANDARD\\{layout.columns},{layout.rows}"
        box.FilmOrientation = layout.orientation.upper()
        box.FilmSizeID = layout.size_id
        box.BorderDensity = box.EmptyImageDensity = "BLACK"
        box.ReferencedFilmSessionSequence = [_reference(BasicFilmSession, self._session_uid)]
        if self._lut_uid:
            box.ReferencedPresentationLUTSequence = [_reference(PresentationLUT, self._lut_uid)]
            box.Illumination, box.ReflectedAmbientLight = VIEWING_BOX, ROOM
        uid = generate_uid()
        status, made = self._try(self._assoc.send_n_create, box, BasicFilmBox, uid)
        _require(status, "The printer refuses the film box")
        places = (made or Dataset()).get("ReferencedImageBoxSequence") or []
        for position, each in enumerate(boxes, 1):
            if position > len(places):
                raise PrintFailed("The printer has fewer places on a sheet than are to be filled")
            self._fill(str(places[position - 1].ReferencedSOPInstanceUID), position, each)
        return uid

    def print(self, film_box_uid: str) -> None:
        """Print a sheet. Raises Unanswered where it may come out, PrintFailed where it does not."""
        try:
            status, _answer = self._try(self._assoc.send_n_action, None, PRINT, BasicFilmBox, film_box_uid)
        except PrintFailed as error:
            raise Unanswered(error.message) from error
        if "Status" not in status:
            raise Unanswered("The printer did not answer")
        _require(status, "The printer refuses to print")
        told = self.ask_after()
        if told.status == FAILURE:
            raise Unanswered(f"The printer reports a failure: {told.info or '?'}")

    def ask_after(self) -> Told:
        """What it says once it was told to print. Raises Unanswered."""
        try:
            return self.ask()
        except PrintFailed as error:
            raise Unanswered(error.message) from error

    def drop(self, film_box_uid: str) -> None:
        """Delete a film box; a printer that does not is none the worse for it."""
        self._try(self._assoc.send_n_delete, BasicFilmBox, film_box_uid)

    def _fill(self, uid: str, position: int, box: Box) -> None:
        item, is_colour = Dataset(), self._is_colour
        levels = _colours(box.levels) if is_colour else _grey(box.levels, self._printer.bits)
        item.SamplesPerPixel = 3 if is_colour else 1
        item.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
        if is_colour:
            item.PlanarConfiguration = 1
        item.Rows, item.Columns = levels.shape[-2:]
        bits = 8 if is_colour else self._printer.bits
        item.BitsAllocated, item.BitsStored, item.HighBit = 8 * levels.itemsize, bits, bits - 1
        item.PixelRepresentation = 0
        content = levels.astype(levels.dtype.newbyteorder("<")).tobytes()
        item.add_new("PixelData", "OW" if levels.itemsize == 2 else "OB", content + b"\0" * (len(content) % 2))
        shown = Dataset()
        shown.ImageBoxPosition = position
        shown.Polarity = "NORMAL"
        if box.width is not None:
            shown.RequestedImageSize = f"{box.width:.2f}"
        setattr(shown, f"Basic{'Color' if is_colour else 'Grayscale'}ImageSequence", [item])
        image_box = BasicColorImageBox if is_colour else BasicGrayscaleImageBox
        status, _answer = self._try(self._assoc.send_n_set, shown, image_box, uid)
        _require(
            status, "The printer refuses an image", HARMLESS if box.width is not None else HARMLESS | {DEMAGNIFIED}
        )

    def _presentation_lut(self) -> str:
        """The UID of the LUT; empty where the printer knows of none, and prints by its own."""
        if not any(context.abstract_syntax == PresentationLUT for context in self._assoc.accepted_contexts):
            return ""
        shape, uid = Dataset(), generate_uid()
        shape.PresentationLUTShape = "IDENTITY"
        try:
            status, _answer = self._assoc.send_n_create(shape, PresentationLUT, uid)
        except (ValueError, RuntimeError):
            return ""
        return uid if status.get("Status") == SUCCESS else ""

    def _created(self, attributes: Dataset, sop_class: str, refusal: str) -> str:
        uid = generate_uid()
        status, _answer = self._try(self._assoc.send_n_create, attributes, sop_class, uid)
        _require(status, refusal)
        return uid

    def _try(self, call: Any, *arguments: Any) -> Any:
        """A request of the meta SOP class. pynetdicom raises where the association is over or lacks its context."""
        try:
            return call(*arguments, meta_uid=self._meta)
        except (RuntimeError, ValueError) as error:
            raise PrintFailed("The printer went away, or does not print so") from error

    def _hear(self, event: evt.Event) -> tuple[int, None]:
        """N-EVENT-REPORT (PS3.4, H.4.6.2): the printer is well, warns, or fails."""
        try:
            info = str(event.event_information.get("PrinterStatusInfo") or "")
        except Exception:  # noqa: BLE001 whatever a decoder stumbles over in bytes from outside
            info = ""
        self._reported = Told(FAILURE if event.event_type == PRINTER_FAILS else "", info)
        return SUCCESS, None


def _require(status: Dataset, refusal: str, harmless: frozenset[int] = HARMLESS) -> None:
    if "Status" not in status:
        raise PrintFailed("The printer does not answer any more")
    if status.Status != SUCCESS and status.Status not in harmless:
        raise PrintFailed(f"{refusal} (status {status.Status:04X})")


def _reference(sop_class: str, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def _grey(levels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Levels of a film file as those of so many bits; colours by their luminance."""
    if levels.ndim == 3:
        grey = np.rint(levels @ np.array(LUMINANCE, np.float32) * (((1 << bits) - 1) / 255))
        return grey.astype(np.uint8 if bits == 8 else np.uint16)
    return levels if bits == 12 else (levels >> 4).astype(np.uint8)


def _colours(levels: NDArray[Any]) -> NDArray[Any]:
    """Planes of red, green and blue, 8 bits each."""
    if levels.ndim == 3:
        return np.ascontiguousarray(levels.transpose(2, 0, 1))
    return np.broadcast_to((levels >> 4).astype(np.uint8), (3, *levels.shape))
