"""OHIF as it is published, with a study of ours: its requests, its policy, its pixels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from apps.audit.models import Event
from apps.catalog.models import Study
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.portal.ohif_package import VERSION
from medvault.env import PROJECT
from tests.browser.conftest import Visit
from tests.portal.pages import dicom, store, url

OHIF = PROJECT / ".ohif"
RAMP = np.tile(np.arange(0, 4096, 64, dtype=np.int16), (64, 1))  # dark on the left, bright on the right
DRAWN = """
  () => [...document.querySelectorAll("canvas")].map((canvas) => {
    const drawn = canvas.getContext("2d")?.getImageData(0, canvas.height >> 1, canvas.width, 1).data;
    return drawn ? [0.4, 0.5, 0.6].map((at) => drawn[4 * Math.floor(canvas.width * at)]) : [];
  }).find(([left, , right]) => left < right)
"""


def test_a_study_is_seen_in_ohif_and_the_look_is_on_record(
    clinic: Facility, visit: Callable[..., Visit], settings: Any
) -> None:
    if not (OHIF / VERSION).is_dir():
        pytest.skip("OHIF is not installed: make viewer")
    settings.OHIF = OHIF
    files = [dicom(5, number, RAMP, WindowCenter=2048, WindowWidth=4096) for number in (1, 2, 3)]
    store(clinic, *files)
    with as_center():
        study = Study.objects.get(study_instance_uid="2.25.5").pk
    window = visit()
    window.sign_in()
    page = window.page
    page.set_default_timeout(60_000)
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.goto(url("study", study_id=study))
    page.get_by_role("link", name="Open in OHIF").click()
    left, middle, right = page.wait_for_function(DRAWN).json_value()
    assert left < middle < right
    assert page.evaluate("window.violations") == []
    assert failed == []
    with as_center():
        looks = Event.objects.filter(object_type="study", object_id=str(study))
        assert {"metadata.retrieved", "study.viewed"} <= set(looks.values_list("action", flat=True))
