"""Film on a printer: dcmtk's gets what was produced; and no sheet is printed twice or left out, whatever fails."""

import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag
from typing import Any

import numpy as np
import pytest
from pynetdicom import evt
from pynetdicom.sop_class import BasicFilmBox, BasicFilmSession  # type: ignore[attr-defined]

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.core.errors import DomainError
from apps.dicomnet.certificates import server_context
from apps.dicomnet.printing import ask_printer, print_due
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.models import Order, OrderKind, Printer, PrintJob
from apps.orders.printing import HELD_FOR, go_on_printing
from apps.orders.sheets.film_file import Film
from apps.orders.working import send_back
from tests.dicomnet.film_printers import FilmPrinter, dcmprscp, printed_by
from tests.forked import Forked
from tests.orders.sheet_stories import PIXELS, fine, job_of, made, output_of, printer, printing
from tests.orders.stories import may_order, now
from tests.portal.pages import COLOURS, dicom, store
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("committed_db")
SMALL = {"layout": "5x6"}


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    may_order(sakura)
    return person("staff@center.example", is_staff=True)


@pytest.fixture
def film(sakura: Facility, staff: User) -> Order:
    """Three sheets of one picture each."""
    store(sakura, *(dicom(study, 1) for study in (1, 2, 3)))
    return made(sakura, staff, OrderKind.FILM, **SMALL)


def go_on(order: Order, staff: User, on: Printer, *, came_out: bool | None = None) -> None:
    with as_center():
        go_on_printing(order, printer=on, medium_type="BLUE FILM", came_out=came_out, by=staff, actor=SYSTEM, now=now())


def far(order: Order) -> tuple[int, int | None, bool]:
    """Sheets printed, the one in doubt, and whether all is done."""
    job = job_of(order)
    return job.printed, job.sending, job.printed_at is not None


def test_dcmtk_is_sent_exactly_what_was_produced(sakura: Facility, staff: User, tmp_path: Path) -> None:
    store(sakura, fine(1, 1), fine(1, 2, PhotometricInterpretation="MONOCHROME1"), fine(2, 1, PixelSpacing=[0.1, 0.1]))
    order = made(sakura, staff, OrderKind.FILM, is_true_size="on", copies="2")
    with dcmprscp(tmp_path) as port:
        on = printer(port)
        assert ask_printer(on).status == "NORMAL"
        printing(order, on, staff)
        assert print_due() == 1
    produced = Film(output_of(order))
    sheets = printed_by(tmp_path)
    assert len(sheets) == len(produced) == 2
    for number, (sheet, images) in enumerate(sheets, 1):
        [layout] = sheet.FilmBoxContentSequence
        assert (layout.ImageDisplayFormat, layout.FilmSizeID) == ("STANDARD\\2,2", "8INX10IN")
        assert layout.FilmOrientation == "PORTRAIT"
        assert sheet.PrintManagementCapabilitiesSequence
        boxes = list(produced.sheet(number))
        assert len(images) == len(boxes)
        for image, box in zip(images, boxes, strict=True):
            assert (image.BitsAllocated, image.BitsStored, image.PhotometricInterpretation) == (16, 12, "MONOCHROME2")
            assert np.array_equal(image.pixel_array, box.levels)
    shown = sheets[0][1]
    height = PIXELS.shape[0]
    window = np.lib.stride_tricks.sliding_window_view(shown[0].pixel_array, (1, PIXELS.shape[1]))
    assert any(np.array_equal(row[0, 0], PIXELS[0]) for row in window)
    assert np.array_equal(shown[1].pixel_array[200:height], 4095 - shown[0].pixel_array[200:height])
    assert sheets[1][0].ImageBoxContentSequence[0].RequestedImageSize == pytest.approx(92.1)
    assert far(order) == (2, None, True)


def test_a_session_says_how_it_is_to_be_printed(film: Order, staff: User) -> None:
    imager = FilmPrinter()
    with imager.listening() as port:
        printing(film, printer(port, bits=8), staff)
        assert print_due() == 1
    [session] = imager.sessions
    assert (session.NumberOfCopies, session.PrintPriority, session.MediumType) == (1, "MED", "BLUE FILM")
    assert session.FilmSessionLabel == str(film)
    assert len(imager.printed) == len(set(imager.printed)) == 3
    first = imager.film_boxes[0]
    assert first.ImageDisplayFormat == "STANDARD\\6,5"
    assert first.ReferencedPresentationLUTSequence
    [image] = imager.boxes[0].BasicGrayscaleImageSequence
    assert (image.BitsAllocated, image.BitsStored) == (8, 8)
    assert imager.deleted == [BasicFilmBox] * 3 + [BasicFilmSession]
    assert print_due() == 0


def test_a_printer_with_tls_is_believed_by_its_certificate(film: Order, staff: User) -> None:
    imager = FilmPrinter()
    with imager.listening(server_context()) as port:
        assert ask_printer(printer(port, name="Plain")).status == ""
        assert ask_printer(printer(port, name="Another", address="127.0.0.2", is_tls=True)).status == ""
        printing(film, printer(port, is_tls=True), staff)
        assert print_due() == 1
    assert len(imager.printed) == 3


def test_colours_are_printed_where_the_printer_can(sakura: Facility, staff: User) -> None:
    store(sakura, dicom(1, 1, COLOURS), dicom(1, 2))
    for is_colour in (True, False):
        order, imager = made(sakura, staff, OrderKind.FILM, **SMALL), FilmPrinter()
        with imager.listening() as port:
            printing(order, printer(port, name=f"{is_colour}", is_colour=is_colour), staff)
            assert print_due() == 1
        colour, grey = Film(output_of(order)).sheet(1)
        if is_colour:
            shown = [box.BasicColorImageSequence[0] for box in imager.boxes]
            assert [image.PlanarConfiguration for image in shown] == [1, 1]
            planes = np.frombuffer(shown[0].PixelData, np.uint8)[: colour.levels.size].reshape(3, -1)
            assert np.array_equal(planes, colour.levels.reshape(-1, 3).T)
            plane = np.frombuffer(shown[1].PixelData, np.uint8)[: grey.levels.size]
            assert np.array_equal(plane, (grey.levels >> 4).reshape(-1))
        else:
            [image] = imager.boxes[0].BasicGrayscaleImageSequence
            levels = np.frombuffer(image.PixelData, "<u2").reshape(image.Rows, image.Columns)
            expected = colour.levels @ np.array([0.299, 0.587, 0.114]) * (4095 / 255)
            assert np.abs(levels - expected).max() <= 1


@pytest.mark.parametrize("operation", ["get", "create", "set", "print"])
def test_a_printer_that_refuses_leaves_the_job_to_staff(film: Order, staff: User, operation: str) -> None:
    imager = FilmPrinter(refusals={operation: 0x0110 if operation == "get" else 0xC616})
    with imager.listening() as port:
        on = printer(port)
        printing(film, on, staff)
        assert print_due() == 0
        assert far(film) == (0, None, False)
        assert ("C616" if operation != "get" else "status") in job_of(film).problem
        assert print_due() == 0  # nobody tries again but staff
        imager.refusals.clear()
        go_on(film, staff, on)
        assert print_due() == 1
    assert (far(film), len(imager.printed), job_of(film).problem) == ((3, None, True), 3, "")


def test_without_its_lut_a_printer_prints_by_its_own(film: Order, staff: User) -> None:
    imager = FilmPrinter(refusals={"lut": 0x0106})
    with imager.listening() as port:
        printing(film, printer(port), staff)
        assert print_due() == 1
    assert "ReferencedPresentationLUTSequence" not in imager.film_boxes[0]


def test_true_size_is_not_given_up_silently(sakura: Facility, staff: User) -> None:
    store(sakura, dicom(1, 1, PixelSpacing=[1, 1]))
    imager = FilmPrinter(refusals={"set": 0xB604})
    with imager.listening() as port:
        on = printer(port)
        for is_true_size, done in (("on", 0), ("", 1)):
            printing(made(sakura, staff, OrderKind.FILM, is_true_size=is_true_size, **SMALL), on, staff)
            assert print_due() == done


def test_a_layout_with_fewer_places_leaves_nothing_out(sakura: Facility, staff: User) -> None:
    store(sakura, dicom(1, 1), dicom(1, 2))
    order, imager = made(sakura, staff, OrderKind.FILM, **SMALL), FilmPrinter(places=1)
    with imager.listening() as port:
        printing(order, printer(port), staff)
        assert print_due() == 0
    assert "fewer places" in job_of(order).problem
    assert imager.printed == []


def dies(event: evt.Event, sheet: int) -> None:
    if sheet == 2:
        event.assoc.abort()


def runs_out(imager: FilmPrinter) -> Callable[[evt.Event, int], None]:
    def on_print(_event: evt.Event, sheet: int) -> None:
        if sheet == 2:
            imager.status, imager.info = "FAILURE", "SUPPLY EMPTY"

    return on_print


def reports(imager: FilmPrinter) -> Callable[[evt.Event, int], None]:
    def on_print(event: evt.Event, sheet: int) -> None:
        if sheet == 2:
            imager.report(event, 3, "SUPPLY EMPTY")

    return on_print


@pytest.mark.parametrize("came_out", [True, False])
@pytest.mark.parametrize("fault", ["dies", "runs out", "reports"])
def test_a_sheet_in_doubt_is_asked_about(film: Order, staff: User, fault: str, came_out: bool) -> None:
    imager = FilmPrinter()
    imager.on_print = {"dies": dies, "runs out": runs_out(imager), "reports": reports(imager)}[fault]
    with imager.listening() as port:
        on = printer(port)
        printing(film, on, staff)
        assert print_due() == 0
    assert far(film) == (1, 2, False)
    assert "sheet 2 came out" in job_of(film).problem
    assert fault == "dies" or "SUPPLY EMPTY" in job_of(film).problem
    with pytest.raises(DomainError, match="Say whether sheet 2"):
        go_on(film, staff, on)
    other = FilmPrinter()
    with other.listening() as port:
        go_on(film, staff, printer(port, name="Another one"), came_out=came_out)
        assert print_due() == 1
    assert len(other.printed) == (1 if came_out else 2)
    assert far(film) == (3, None, True)


@pytest.mark.parametrize("step", ["between sheets", "over a sheet"])
def test_a_killed_worker_leaves_off_where_it_was(film: Order, staff: User, step: str) -> None:
    imager, is_in_doubt, is_over = FilmPrinter(), step == "over a sheet", Flag()

    def kill(event: evt.Event, place: int) -> None:
        if place == 2:
            worker.kill()
            is_over.wait()  # it hears no answer

    with imager.listening() as port:
        printing(film, printer(port), staff)
        if is_in_doubt:
            imager.on_print = kill
        else:
            imager.on_fill = kill
        worker = Forked("tests.dicomnet.printing_process")
        assert worker.wait() == -signal.SIGKILL
        is_over.set()
        assert far(film) == (1, 2 if is_in_doubt else None, False)
        assert print_due() == 0  # it is held by the dead one yet
        with as_center():
            PrintJob.objects.update(next_at=now())
        assert print_due() == (0 if is_in_doubt else 1)
    assert len(imager.printed) == (2 if is_in_doubt else 3)
    assert far(film) == ((1, 2, False) if is_in_doubt else (3, None, True))
    assert not is_in_doubt or "look whether it came out" in job_of(film).problem


def test_what_is_sent_back_meanwhile_is_not_printed_on(film: Order, staff: User) -> None:
    imager = FilmPrinter()
    with imager.listening() as port:
        printing(film, printer(port), staff)
        with as_center():
            send_back(film, reason="the wrong study", actor=SYSTEM, now=now())
        assert print_due() == 0
    assert imager.sessions == []


def test_an_order_that_is_sent_back_over_its_printing_is_printed_no_further(film: Order, staff: User) -> None:
    def sent_back(_event: evt.Event, sheet: int) -> None:
        with as_center():
            send_back(film, reason="the wrong study", actor=SYSTEM, now=now())

    imager = FilmPrinter(on_print=sent_back)
    with imager.listening() as port:
        printing(film, printer(port), staff)
        assert print_due() == 0
    assert (len(imager.printed), far(film)) == (1, (1, None, False))
    assert "sent back" in job_of(film).problem


def test_a_worker_that_was_silent_too_long_stops(film: Order, staff: User) -> None:
    imager = FilmPrinter()

    def taken(_event: evt.Event, sheet: int) -> None:
        with as_center():
            PrintJob.objects.update(next_at=now() + 2 * HELD_FOR)  # another worker's

    imager.on_print = taken
    with imager.listening() as port:
        printing(film, printer(port), staff)
        assert print_due() == 0
    assert len(imager.printed) == 1
    assert far(film) == (0, 1, False)


def test_a_printer_that_is_not_there_is_told(film: Order, staff: User) -> None:
    on = printer(free_port())
    told: Any = ask_printer(on)
    assert (told.status, told.info) == ("", "The node does not answer")
    printing(film, on, staff)
    assert print_due() == 0
    assert "does not answer" in job_of(film).problem
