"""Orders of film and paper on their way, for the tests of what they show and how they are printed."""

from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice
from apps.orders.kinds import KINDS
from apps.orders.models import Order, OrderKind, Output, Printer, PrintJob
from apps.orders.ordering import draw_up, request
from apps.orders.outputs import opened
from apps.orders.printing import start_printing
from apps.orders.producing import produce_due
from tests.orders.stories import now, start, studies
from tests.portal.pages import dicom

WISHES = {
    "layout": "2x2", "orientation": "portrait", "frames": "middle", "every": "1", "copies": "1", "window": "own",
}  # fmt: skip
SIZES = {OrderKind.FILM: "8INX10IN", OrderKind.PAPER: "A4"}
SIDE = 800
"""Of a picture that is printed pixel by pixel on 8INX10IN, 2 by 2: a cell is 92.1 mm wide."""
PIXELS = np.random.default_rng(1).integers(0, 4096, (SIDE, SIDE), np.uint16)
TWELVE_BITS = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 2048, "WindowWidth": 4096}
"""A window by which every stored value is its own grey level of twelve bits."""


def fine(study: int = 1, number: int = 1, **attributes: Any) -> bytes:
    """An image whose pixels are those of the film."""
    return dicom(study, number, PIXELS, **(TWELVE_BITS | attributes))


def wanted(facility: Facility, kind: OrderKind, **wishes: str) -> Order:
    """An order of all studies there are, as it was quoted."""
    options = KINDS[kind].options(facility, WISHES | {"size": SIZES[kind]} | wishes)
    chosen = [Choice(study.study_instance_uid) for study in studies(facility)]
    with as_facility(facility):
        return draw_up(facility, kind, chosen, options=options, is_urgent=False, actor=SYSTEM, now=now())


def made(facility: Facility, staff: User, kind: OrderKind, **wishes: str) -> Order:
    """The same after a worker has tried to produce it."""
    order = wanted(facility, kind, **wishes)
    with as_facility(facility):
        request(order, actor=SYSTEM, now=now())
    start(order, staff)
    produce_due()
    return order


def output_of(order: Order) -> BinaryIO:
    with as_center():
        output = Output.objects.filter(order=order, made_at__isnull=False).latest("number")
    with opened(output) as file:
        return BytesIO(file.read())


def printer(port: int = 104, **facts: Any) -> Printer:
    taken: dict[str, Any] = {
        "name": "Imager", "ae_title": "IMAGER", "address": "127.0.0.1", "dicom_port": port,
        "film_sizes": ["8INX10IN", "14INX17IN"], "medium_types": ["BLUE FILM"],
    }  # fmt: skip
    with as_center():
        return Printer.objects.create(**(taken | facts))


def printing(order: Order, on: Printer, staff: User) -> PrintJob:
    with as_center():
        return start_printing(order, printer=on, medium_type="BLUE FILM", by=staff, actor=SYSTEM, now=now())


def job_of(order: Order) -> PrintJob:
    with as_center():
        return PrintJob.objects.filter(order=order).latest("pk")
