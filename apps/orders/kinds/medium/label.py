"""Labels of media as a PDF: patient, dates, facility, content, which of how many, and a QR code of the order's page."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import qrcode
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from qrcode.image.svg import SvgPathImage

from apps.core.documents import page_of
from apps.core.shown import day
from apps.orders.kinds.medium.pages import patient_name
from apps.orders.kinds.medium.placing import FileSet
from apps.orders.models import Order

TEMPLATE = Path(__file__).with_name("label.typ")
MOST_LINES = 3


def labels(order: Order, file_sets: Sequence[FileSet], *, is_disc: bool, at: datetime) -> bytes:
    """One page for each copy of each medium. No PDF/A, which a letter that no font has would keep from being made."""
    told = {
        "title": str(order),
        "order": str(order),
        "facility": order.facility.name,
        "made": f"{day(at)}, MedVault",
        "is_disc": is_disc,
        "qr": _code(order),
        "media": [_medium(each) for each in file_sets for _copy in range(order.options["copies"])],
    }
    return page_of(TEMPLATE, told, folder=TEMPLATE.parent)


def _medium(file_set: FileSet) -> dict[str, Any]:
    studies = list(
        {each.item.instance.series.study_id: each.item.instance.series.study for each in file_set.placed}.values()
    )
    patients = {each.patient_id: patient_name(each.patient) for each in studies}
    lines = [
        " ".join(
            filter(None, (f"{each.study_date or ''}", ", ".join(each.modalities_in_study), each.study_description))
        )
        for each in studies
    ]
    images = len(file_set.placed)
    return {
        "patients": _shortened(list(dict.fromkeys(patients.values()))),
        "studies": _shortened(lines),
        "content": ngettext("%(images)d image", "%(images)d images", images) % {"images": images},
        "counted": _("%(number)d of %(count)d") % {"number": file_set.number, "count": file_set.count},
    }


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    more = len(lines) - MOST_LINES + 1
    return [*lines[: MOST_LINES - 1], _("and %(more)d more") % {"more": more}]


def _code(order: Order) -> str:
    where = {"facility_slug": order.facility.slug, "order_id": order.pk}
    drawn = BytesIO()
    qrcode.make(settings.PUBLIC_URL + reverse("portal:order", kwargs=where), image_factory=SvgPathImage).save(drawn)
    return drawn.getvalue().decode()
