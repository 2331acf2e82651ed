"""Film and paper: what is counted, what each sheet shows, pixel by pixel, and what is said where it shows nothing."""

from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import numpy as np
import pikepdf
import pytest
from pypdf import PdfReader

from apps.accounts.models import User
from apps.catalog.models import Study
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.choosing import instances_of
from apps.orders.errors import InvalidOptions, OutputDiffers
from apps.orders.kinds import KINDS
from apps.orders.kinds.film import Film as FilmKind
from apps.orders.models import Order, OrderKind, State
from apps.orders.sheets.film_file import Film
from apps.orders.sheets.format import LAYOUTS, SIZES, Format
from apps.orders.sheets.pages import pictures_on
from apps.orders.sheets.planning import MOST_SHEETS
from apps.orders.sheets.scale import placed
from tests.orders.sheet_stories import PIXELS, SIDE, fine, made, output_of, wanted
from tests.orders.stories import fresh, may_order, state_of
from tests.portal.pages import COLOURS, dicom, document, store

pytestmark = pytest.mark.usefixtures("committed_db")
FILM, PAPER = OrderKind.FILM, OrderKind.PAPER
UNSHOWABLE = {"PhotometricInterpretation": "ARGB"}


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    may_order(sakura, base_fee="20000", film="900", paper="300", delivery="3000")
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def lines(order: Order) -> dict[str, Decimal]:
    with as_center():
        return {line.item: line.quantity for line in order.lines.all()}


def texts(pdf: Any) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(pdf).pages]


@pytest.mark.parametrize("size_id", SIZES)
@pytest.mark.parametrize("orientation", ["portrait", "landscape"])
def test_every_layout_fits_its_sheet(size_id: str, orientation: str) -> None:
    for layout in LAYOUTS:
        chosen = Format.chosen({"layout": layout, "size": size_id, "orientation": orientation})
        width, height = chosen.page
        assert (width < height) == (orientation == "portrait" and size_id != "14INX14IN")
        assert chosen.cell[0] * chosen.columns < width
        assert chosen.cell[1] * chosen.rows < height
        assert min(chosen.area) > 15


def test_true_size_is_that_of_the_patient_where_it_is_known_and_has_room() -> None:
    area = (90.0, 100.0)
    exact = placed((100, 200), 1, ("PixelSpacing", 0.5, 0.25), area, is_wanted=True)
    assert (exact.width, exact.height, exact.is_true_size, exact.note) == (50, 50, True, "true size")
    assert placed((9, 9), 1, ("ImagerPixelSpacing", 1, 1), area, is_wanted=True).note == "true size at the detector"
    too_large = placed((100, 400), 1, ("PixelSpacing", 0.5, 0.25), area, is_wanted=True)
    assert (too_large.width, too_large.height, too_large.is_true_size) == (90, 22.5, False)
    assert "no room" in too_large.note
    assert "does not tell" in placed((9, 9), 1, None, area, is_wanted=True).note
    oblong = placed((100, 100), 2, None, area, is_wanted=False)
    assert (oblong.width, oblong.height, oblong.note) == (50, 100, "")


@pytest.mark.parametrize(
    ("wishes", "sheets"),
    [
        ({}, 3),  # each study by itself: two of the first, one of the second
        ({"copies": "2"}, 6),
        ({"layout": "3x4"}, 2),
        ({"every": "2"}, 2),
        ({"frames": "all"}, 6),
        ({"frames": "all", "every": "3", "layout": "1x2"}, 4),
    ],
)
def test_sheets_are_counted_as_they_are_made(clinic: Facility, wishes: dict[str, str], sheets: int) -> None:
    frames = np.zeros((12, 16, 16), np.uint8)
    store(clinic, *(dicom(1, number) for number in range(1, 6)), dicom(1, 6, frames, NumberOfFrames=12),
          dicom(2, 1), document())  # fmt: skip
    order = wanted(clinic, FILM, **wishes)
    assert lines(order) == {"film": sheets, "delivery": 1}
    with as_center():
        instances = list(instances_of(clinic.pk, order.items.all()))
        assert len(list(FilmKind().rendered(order, instances))) * order.options["copies"] == sheets


def test_what_cannot_be_printed_is_not_ordered(clinic: Facility) -> None:
    store(clinic, document())
    with pytest.raises(InvalidOptions, match="nothing to print"):
        wanted(clinic, PAPER)
    store(clinic, dicom(1, 1, np.zeros((MOST_SHEETS + 1, 4, 4), np.uint8), NumberOfFrames=MOST_SHEETS + 1))
    with pytest.raises(InvalidOptions, match="100 sheets at the most"):
        wanted(clinic, PAPER, frames="all", layout="1x1")


def test_paper_shows_every_picture_in_its_own_pixels(clinic: Facility, staff: User) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    window: dict[str, Any] = {"WindowCenter": 128, "WindowWidth": 256}
    store(
        clinic, dicom(1, 1, ramp, **window), dicom(1, 2, ramp, **window, PhotometricInterpretation="MONOCHROME1"),
        dicom(1, 3, COLOURS), dicom(1, 4, **UNSHOWABLE), dicom(2, 1, ramp[:, ::-1], **window, PatientID="9"),
    )  # fmt: skip
    order = made(clinic, staff, PAPER, is_true_size="on")
    assert state_of(order) == State.READY
    with pikepdf.open(output_of(order)) as pdf:
        shown = [[levels.tolist() for levels in pictures_on(page)] for page in pdf.pages]
    assert len(shown) == 2
    assert sorted(shown[0], key=str) == sorted([ramp.tolist(), (255 - ramp).tolist(), COLOURS.tolist()], key=str)
    assert shown[1] == [ramp[:, ::-1].tolist()]
    first, second = texts(output_of(order))
    for told in ("Mori, Haruka", "森 遥", "P1", "Sakura Clinic", "2026-04-01", "sheet 1 of 1", "CT", "does not tell"):
        assert told in first
    assert "photometric interpretation is not rendered" in first
    assert "P1" not in second


def test_a_window_is_chosen_for_grey_pictures_and_told(clinic: Facility, staff: User) -> None:
    hounsfield = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 1000, "WindowWidth": 100}
    values = np.array([[0, 1024, 1064, 1104, 2048]], np.uint16)
    store(
        clinic, dicom(1, 1, values, **hounsfield), dicom(2, 1, values, **hounsfield, Modality="MR"),
        dicom(3, 1, COLOURS),
    )  # fmt: skip

    def printed(**wishes: str) -> tuple[list[Any], list[str]]:
        pdf = output_of(made(clinic, staff, PAPER, **wishes))
        with pikepdf.open(pdf) as read:
            return [pictures_on(page)[0].tolist() for page in read.pages], texts(pdf)

    brain = [[0, 0, 129, 255, 255]]
    shown, told = printed(window="brain")
    own = shown[1]
    assert shown == [brain, own, COLOURS.tolist()]
    assert own != brain
    assert ["C 40 W 80" in each for each in told] == [True, False, False]
    shown, told = printed(window="given", window_center="40", window_width="80")
    assert shown == [brain, brain, COLOURS.tolist()]
    assert ["C 40 W 80" in each for each in told] == [True, True, False]
    for wrong in ({}, {"window_center": "40"}, {"window_center": "nan", "window_width": "80"},
                  {"window_center": "40", "window_width": "0"}):  # fmt: skip
        with pytest.raises(InvalidOptions):
            wanted(clinic, PAPER, window="given", **wrong)


def test_names_in_any_script_are_written(clinic: Facility, staff: User) -> None:
    names = ["Στέφανος^Ωμέγα", "Иванова^Ольга", "김^민준", "王^小明", "สมชาย^ใจดี", "محمد^علي", "שרה^כהן", "Nguyễn^Văn"]
    store(clinic, *(dicom(number, 1, PatientName=name) for number, name in enumerate(names, 1)))
    pdf = output_of(made(clinic, staff, PAPER))
    shown = "".join(texts(pdf))
    for part in ("Ωμέγα", "Ольга", "김", "王", "小明", "Nguyễn"):
        assert part in shown
    with pikepdf.open(pdf) as read:  # a character without a glyph would be that of no font
        fonts = {str(font["/BaseFont"]) for page in read.pages for font in page.resources["/Font"].values()}
    for name in ("BIZUDPGothic", "NotoSansThai", "NotoSansArabic", "NotoSansCJK"):
        assert any(name in font for font in fonts), fonts


def test_film_shows_twelve_bits_pixel_by_pixel_and_true_size(clinic: Facility, staff: User) -> None:
    store(
        clinic, fine(1, 1), fine(1, 2, PhotometricInterpretation="MONOCHROME1"), fine(1, 3, PixelSpacing=[0.1, 0.1]),
        dicom(1, 4, COLOURS), dicom(1, 5, **UNSHOWABLE),
    )  # fmt: skip
    order = made(clinic, staff, FILM, is_true_size="on", copies="2")
    assert state_of(order) == State.READY
    film = Film(output_of(order))
    assert (len(film), film.is_colour, film.options["copies"], film.layout.size_id) == (2, True, 2, "8INX10IN")
    boxes = list(film.sheet(1))
    cell_height = boxes[0].levels.shape[0]
    assert [each.width is None for each in boxes] == [True, True, False, True]
    top = (round(film.layout.area[1] * 10) - SIDE) // 2
    left = (boxes[0].levels.shape[1] - round(92.1 * 10)) // 2 + (921 - SIDE) // 2
    exact = boxes[2].levels[top : top + SIDE, left : left + SIDE]
    assert np.array_equal(exact, PIXELS)
    assert boxes[2].levels[:top].max() == 0
    assert boxes[2].levels[-100:].max() > 4000  # what is written
    assert boxes[3].levels.shape == (cell_height, boxes[0].levels.shape[1], 3)
    [unshowable] = film.sheet(2)
    assert unshowable.levels.max() > 4000
    assert "photometric interpretation is not rendered" in texts(BytesIO(film.look().read()))[1]


def test_film_is_made_and_checked_in_the_words_of_its_facility(clinic: Facility, staff: User) -> None:
    with as_center():
        Facility.objects.filter(pk=clinic.pk).update(language="ja")
    store(clinic, dicom(1, 1))
    order = made(clinic, staff, FILM)
    assert state_of(order) == State.READY
    [told] = texts(BytesIO(Film(output_of(order)).look().read()))
    assert "sheet 1 of 1" not in told


def test_an_output_that_shows_something_else_is_not_handed_out(clinic: Facility, staff: User) -> None:
    store(clinic, fine(1, 1), fine(2, 1, WindowWidth=2000))
    for kind in (FILM, PAPER):
        order = made(clinic, staff, kind)
        content = output_of(order)
        with as_center():
            instances = list(instances_of(clinic.pk, order.items.all()))
            order = fresh(order)
            KINDS[kind].check(order, instances, content)
            for wrong in (BytesIO(b"nothing"), swapped(content) if kind == FILM else turned(content)):
                with pytest.raises(OutputDiffers):
                    KINDS[kind].check(order, instances, wrong)


def swapped(content: Any) -> BytesIO:
    """The film with its two sheets exchanged."""
    other = BytesIO()
    with ZipFile(content) as source, ZipFile(other, "w") as target:
        for name in source.namelist():
            kept = {"001/01.png": "002/01.png", "002/01.png": "001/01.png"}.get(name, name)
            target.writestr(name, source.read(kept))
    return other


def turned(content: Any) -> BytesIO:
    other = BytesIO()
    with pikepdf.open(content) as pdf:
        pdf.pages.reverse()
        pdf.save(other)
    return other


def test_an_order_of_which_nothing_can_be_shown_goes_back(clinic: Facility, staff: User) -> None:
    store(clinic, dicom(1, 1, **UNSHOWABLE))
    order = made(clinic, staff, FILM)
    assert state_of(order) == State.ACCEPTED
    assert "nothing to print" in fresh(order).problem
    with as_center():
        assert Study.objects.get().patient.patient_id not in fresh(order).problem
