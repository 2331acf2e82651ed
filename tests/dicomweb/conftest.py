"""Facilities whose images are retrieved."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.catalog.models import Instance
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_facility
from tests.dicomweb.stow_requests import CONTENT_TYPE, body

Give = Callable[..., Any]


@pytest.fixture
def store(token_for: Callable[..., str]) -> Callable[..., None]:
    """Store files by STOW-RS: store(sakura, CT, MR)."""

    def send(facility: Facility, *files: bytes) -> None:
        headers = {"Authorization": f"Bearer {token_for(facility, Scope.STORE)}"}
        url = f"/f/{facility.slug}/dicom-web/studies"
        answer = Client().post(url, body(files), content_type=CONTENT_TYPE, headers=headers)
        assert answer.status_code == 200, answer.content

    return send


@pytest.fixture
def get(sakura: Facility, token_for: Callable[..., str]) -> Give:
    """GET of an address below Sakura's DICOMweb address, by a device that may read."""
    secret = token_for(sakura, Scope.READ)

    def ask(path: str, query: Any = None, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client().get(f"/f/sakura/dicom-web{path}", query, headers={"Authorization": f"Bearer {secret}"} | given)

    return ask


def paths(facility: Facility) -> list[str]:
    """The addresses of the facility's instances, in the order of their coming."""
    with as_facility(facility):
        return [
            f"/studies/{each.series.study.study_instance_uid}/series/{each.series.series_instance_uid}"
            f"/instances/{each.sop_instance_uid}"
            for each in Instance.objects.select_related("series__study").order_by("id")
        ]


def of_its_own(number: int) -> Callable[[Any], None]:
    """Some of the reference files share their UIDs, or have none."""

    def change(data_set: Any) -> None:
        data_set.StudyInstanceUID, data_set.SeriesInstanceUID = f"1.2.3.{number}", f"1.2.4.{number}"
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = f"1.2.5.{number}"

    return change
