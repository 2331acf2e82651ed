"""Looks at patients' data, on record: a study's pages each time, an image once for its study and sign-in."""

from apps.audit.record import record
from apps.facilities.doors import FacilityRequest

SESSION_KEY = "studies_looked_at"
REMEMBERED = 200


def look_at_study(request: FacilityRequest, study_id: int, **details: int) -> None:
    """Record that a person opens a page about the study."""
    record(
        "study.viewed",
        actor=request.actor,
        object_type="study",
        object_id=study_id,
        facility_id=request.facility.pk,
        **details,
    )
    looked_at = [known for known in request.session.get(SESSION_KEY, []) if known != study_id]
    request.session[SESSION_KEY] = [*looked_at, study_id][-REMEMBERED:]


def look_at_image(request: FacilityRequest, study_id: int) -> None:
    """Record a look at an image whose study no page was opened about."""
    if study_id not in request.session.get(SESSION_KEY, []):
        look_at_study(request, study_id)


def list_studies(request: FacilityRequest, count: int) -> None:
    """Record that a person was shown `count` studies of a list, found by a search or not."""
    record(
        "studies.listed",
        actor=request.actor,
        object_type="facility",
        object_id=request.facility.pk,
        facility_id=request.facility.pk,
        count=count,
    )


def look_at_patient(request: FacilityRequest, patient_id: int) -> None:
    """Record that a person opens a page about the patient."""
    record(
        "patient.viewed",
        actor=request.actor,
        object_type="patient",
        object_id=patient_id,
        facility_id=request.facility.pk,
    )


def list_patients(request: FacilityRequest, count: int) -> None:
    """Record that a person was shown `count` patients of a list."""
    record(
        "patients.listed",
        actor=request.actor,
        object_type="facility",
        object_id=request.facility.pk,
        facility_id=request.facility.pk,
        count=count,
    )
