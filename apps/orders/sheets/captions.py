"""What is written below a picture: whose it is, where and when it was made, which one, by which window, how large."""

from django.utils.translation import gettext as _

from apps.catalog.models import Patient
from apps.core.shown import day
from apps.facilities.models import Facility
from apps.orders.sheets.planning import Sheet, Shown


def caption(facility: Facility, sheet: Sheet, shown: Shown, *notes: str) -> list[str]:
    """Lines, in whatever scripts the names are."""
    return [each for each in (_patient(sheet.study.patient), _study(facility, sheet), _image(shown, *notes)) if each]


def _patient(patient: Patient) -> str:
    born = f"*{day(patient.birth_date)}" if patient.birth_date else ""
    return _joined(
        patient.display_name or _("Without a name"), patient.local_name, patient.patient_id, born, patient.sex
    )


def _study(facility: Facility, sheet: Sheet) -> str:
    made_on = day(sheet.study.study_date) if sheet.study.study_date else _("without a date")
    page = _("sheet %(number)d of %(count)d") % {"number": sheet.number, "count": sheet.count}
    return _joined(facility.name, made_on, page)


def _image(shown: Shown, *notes: str) -> str:
    instance, series = shown.instance, shown.instance.series
    numbers = [each for each in (series.series_number, instance.instance_number) if each is not None]
    number = "/".join(map(str, numbers))
    if (instance.number_of_frames or 1) > 1:
        number = f"{number}.{shown.frame}"
    return _joined(series.modality, number, series.laterality, series.series_description, *notes)


def _joined(*parts: str) -> str:
    return "   ".join(filter(None, parts))
