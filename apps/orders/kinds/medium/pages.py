"""What a medium tells people: INDEX.HTM with its viewer and data, README.TXT (IHE RAD TF-2, 4.47)."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydicom.uid import UID

from apps.catalog.models import Instance, Patient, Study
from apps.core.shown import day
from apps.orders.kinds.medium.files import MediumFile, Store, file_of
from apps.orders.kinds.medium.names import INDEX, README
from apps.orders.kinds.medium.placing import FileSet, Placed

VIEWER = Path(__file__).with_name("viewer")
ON_MEDIA = frozenset((
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
))  # fmt: skip
"""Transfer syntaxes of the general purpose profiles for media (PS3.11, annexes D and H)."""


def page_files(file_set: FileSet, store: Store) -> Iterator[MediumFile]:
    """README.TXT, INDEX.HTM, and the viewer with its data, pictures and reports."""
    studies = [_study(file_set, list(of_study)) for _, of_study in groupby(file_set.placed, key=attrgetter("study"))]
    told = _told(file_set) | {"studies": studies}
    yield _text(README, "orders/medium_readme.txt", told | _peculiar(file_set.placed))
    yield file_of(INDEX, render_to_string("orders/medium_index.html", told).encode())
    data = json.dumps({"studies": studies}, separators=(",", ":"))  # ASCII: right in whatever encoding it is read
    yield file_of("IHE_PDI/DATA.JS", f"var MEDIUM = {data};\n".encode())
    for name in ("VIEWER.CSS", "VIEWER.JS"):
        yield file_of(f"IHE_PDI/{name}", (VIEWER / name).read_bytes())
    for folder, of_series in groupby(file_set.placed, key=attrgetter("folder")):
        pictures = (picture for each in of_series for picture in each.item.shown.pictures)
        for number, picture in enumerate(pictures, 1):
            yield store.file(f"{folder}/{number:06d}.JPG", picture)
    for path, placed in _reports(file_set.placed):
        assert placed.item.shown.report
        yield store.file(path, placed.item.shown.report)


def locked_readme(file_set: FileSet) -> MediumFile:
    """README.TXT of a medium whose content is in a container with a password: it tells nothing of the patient."""
    return _text(README, "orders/medium_locked.txt", _told(file_set))


def patient_name(patient: Patient) -> str:
    """For people, in both scripts where there are two."""
    return "  ".join(filter(None, (patient.display_name or _("Without a name"), patient.local_name)))


def _told(file_set: FileSet) -> dict[str, Any]:
    facility = file_set.order.facility
    return {
        "facility": facility, "order": str(file_set.order), "number": file_set.number, "count": file_set.count,
        "center": settings.PUBLIC_URL,
    }  # fmt: skip


def _text(path: str, template: str, told: dict[str, Any]) -> MediumFile:
    """As Windows reads it: with a byte order mark and its ends of lines."""
    return file_of(path, render_to_string(template, told).replace("\n", "\r\n").encode("utf-8-sig"))


def _peculiar(placed: Sequence[Placed]) -> dict[str, Any]:
    syntaxes = {each.item.instance.transfer_syntax_uid for each in placed} - ON_MEDIA - {""}
    other = [("/".join(each.file_id), each.item.unlisted) for each in placed if each.item.unlisted]
    blank = [("/".join(each.file_id), each.item.shown.reason) for each in placed if each.item.shown.reason]
    return {
        "syntaxes": sorted(UID(uid).name for uid in syntaxes), "other": other, "blank": blank,
        "has_reports": any(True for _ in _reports(placed)),
    }  # fmt: skip


def _study(file_set: FileSet, placed: Sequence[Placed]) -> dict[str, Any]:
    study: Study = placed[0].item.instance.series.study
    patient = study.patient
    born = f"* {day(patient.birth_date)}" if patient.birth_date else ""
    date, modalities = day(study.study_date) if study.study_date else "", ", ".join(study.modalities_in_study)
    reports = {each.file_id: path for path, each in _reports(file_set.placed)}
    return {
        "patient": patient_name(patient),
        "facts": list(filter(None, (patient.patient_id, born, date, modalities, study.study_description))),
        "date": date or "-",
        "modalities": modalities,
        "image_count": len(placed),
        "series": [_series(list(of_series)) for _, of_series in groupby(placed, key=attrgetter("series"))],
        "reports": [
            {"title": each.item.instance.document_title or _("Report"), "path": reports[each.file_id]}
            for each in placed if each.file_id in reports
        ],
    }  # fmt: skip


def _series(placed: Sequence[Placed]) -> dict[str, Any]:
    series = placed[0].item.instance.series
    labels = [_label(each.item.instance, frame) for each in placed for frame in each.item.shown.frames]
    reasons = [each.item.shown.reason for each in placed if each.item.shown.reason]
    without = ngettext(
        "%(count)d without a picture: %(reason)s", "%(count)d without a picture: %(reason)s", len(reasons)
    )
    return {
        "name": series.series_description or series.modality or _("Series"),
        "folder": placed[0].folder,
        "count": ngettext("%(count)d image", "%(count)d images", len(placed)) % {"count": len(placed)},
        "labels": labels,
        "reasons": [
            without % {"count": reasons.count(reason), "reason": reason} for reason in dict.fromkeys(reasons)
        ],
    }  # fmt: skip


def _label(instance: Instance, frame: int) -> str:
    label = _("Image %(number)s") % {"number": instance.instance_number or "?"}
    many = (instance.number_of_frames or 1) > 1
    return f"{label}, " + _("frame %(number)d") % {"number": frame} if many else label


def _reports(placed: Sequence[Placed]) -> Iterator[tuple[str, Placed]]:
    with_report = (each for each in placed if each.item.shown.report)
    return ((f"IHE_PDI/REPORTS/R{number:07d}.PDF", each) for number, each in enumerate(with_report, 1))
