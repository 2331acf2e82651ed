"""What a facility records beside its images about their storage lengthens their periods, and never shortens them."""

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from medvault_edge.recorded import recorded_of
from medvault_edge.source import read_folder
from medvault_edge.state import State

from apps.audit.record import SYSTEM
from apps.catalog.models import Study
from apps.collection.handover import open_upload
from apps.collection.models import Upload
from apps.collection.uploads import append, begin_upload
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from apps.retention.assessing import assess_pending
from tests.collection.sealed import manifest_of, sealed
from tests.retention.stories import image, in_force, retention_of

ABOUT: dict[str, Any] = {"StudyInstanceUID": "2.25.5", "StudyDate": "20200101", "PatientBirthDate": "19500101"}


def hand_over(facility: Facility, content: bytes, **recorded: Any) -> Upload:
    token = issue_token(facility, label="Bag", scopes=[Scope.HANDOVER], actor=SYSTEM)[0]
    uid, files = uuid4(), {"1.dcm": content}
    manifest = manifest_of(files, collection=uid, facility=facility.slug)
    manifest["files"][0] |= recorded
    sealed_file = sealed(files, manifest)
    upload = begin_upload(
        facility=facility, token=token, collection_uid=uid, sealed_sha256=sha256(sealed_file).digest(),
        length_bytes=len(sealed_file), actor=SYSTEM, now=timezone.now(),
    )  # fmt: skip
    append(upload, offset=0, pieces=[sealed_file], actor=SYSTEM, now=timezone.now())
    open_upload(upload.pk)
    assess_pending()
    with as_facility(facility):
        upload.refresh_from_db()
    return upload


@pytest.mark.usefixtures("committed_db")
def test_a_recorded_period_is_one_more_floor_and_adds_up(lindenhof: Facility) -> None:
    in_force("de-diag")
    hand_over(lindenhof, image(**ABOUT), keep_for="P20Y", purposes=["screening"])
    with as_center():
        study = Study.objects.get()
    assert study.purposes == ["screening"]
    assert retention_of(study).kept_until == date(2040, 1, 1)
    hand_over(lindenhof, image(**ABOUT), keep_for="P1Y", keep_until="2035-01-01")
    assert retention_of(study).kept_until == date(2040, 1, 1)
    hand_over(lindenhof, image(**ABOUT), keep_until="2050-06-30", purposes=["oncology"])
    assert retention_of(study).kept_until == date(2050, 6, 30)
    with as_center():
        study.refresh_from_db()
    assert study.purposes == ["oncology", "screening"]


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("wrong", [{"keep_for": "10 years"}, {"keep_until": "soon"}, {"purposes": ["fun"]}])
def test_a_manifest_that_records_nonsense_is_refused(lindenhof: Facility, wrong: dict[str, Any]) -> None:
    upload = hand_over(lindenhof, image(**ABOUT), **wrong)
    assert upload.refused_at
    assert f"files.0.{next(iter(wrong))}" in upload.reason


@pytest.mark.parametrize(
    ("sidecar", "expected"),
    [
        (None, {}),
        ({"store": True, "keep_until": "2040-12-31"}, {"keep_until": "2040-12-31"}),
        ({"keep_for": "P10Y6M", "purposes": "oncology"}, {"keep_for": "P10Y6M", "purposes": ["oncology"]}),
    ],
)
def test_what_lies_beside_an_image_goes_into_the_manifest(sidecar: dict[str, Any], expected: dict[str, Any]) -> None:
    assert recorded_of(sidecar) == expected


@pytest.mark.parametrize("text", ['{"keep_until": "31.12.2040"}', '{"keep_for": "10Y"}', '{"purposes": ["fun"]}'])
def test_an_image_beside_which_nonsense_is_recorded_stays_and_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "1.dcm").write_bytes(image())
    (tmp_path / "1.dcm.json").write_text(text)
    found = read_folder(tmp_path, State(tmp_path.parent / "state"))
    assert found.images == []
    assert len(found.unusable) == 1
