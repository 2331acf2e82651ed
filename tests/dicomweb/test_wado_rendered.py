"""Pictures for viewers that do not decode."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from apps.catalog.preview_cache import preview_cache
from apps.facilities.models import Facility, Role, Scope
from apps.vault.places import DirectoryPlace
from tests.catalog.preview_objects import RAMP, image, reference_file
from tests.dicomweb.conftest import paths

UIDS = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4"}
STEPS = np.stack([RAMP, RAMP[::-1]])


def picture(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return Image.open(BytesIO(answer.content))


@pytest.fixture
def path(store: Any, sakura: Facility) -> str:
    store(sakura, image(STEPS, NumberOfFrames=2, **UIDS))
    return paths(sakura)[0]


def test_type_size_window_and_quality_are_as_asked(get: Any, path: str) -> None:
    assert picture(get(f"{path}/rendered")).format == "JPEG"
    assert picture(get(f"{path}/rendered", Accept="image/png")).size == (16, 16)
    assert picture(get(f"{path}/rendered", {"accept": "image/png"}, Accept="*/*")).format == "PNG"
    assert picture(get(f"{path}/rendered", Accept="image/*;q=0.2, text/html")).format == "JPEG"
    assert picture(get(f"{path}/rendered", {"viewport": "8,4"})).size == (4, 4)
    assert picture(get(f"{path}/rendered", {"viewport": "99,99,2,3,8,5"})).size == (8, 5)
    png = {"accept": "image/png"}
    dark, bright = (
        np.asarray(picture(get(f"{path}/rendered", png | {"window": window}))).mean()
        for window in ("4000,10,linear", "10,10")
    )
    assert dark < 20 < 230 < bright
    assert len(get(f"{path}/rendered", {"quality": "1"}).content) < len(get(f"{path}/rendered").content)
    first, second = (np.asarray(picture(get(f"{path}/frames/{n}/rendered", png))) for n in (1, 2))
    assert (first == second[::-1]).all()
    assert first.any()


def test_what_cannot_be_rendered_is_refused(get: Any, path: str, store: Any, sakura: Facility) -> None:
    for query in (
        *("window=1", "window=a,b", "window=1,0", "window=nan,1", "window=1,2,sigmoid", "window=1,2,linear,3"),
        *("viewport=1", "viewport=0,5", "viewport=99999999,5", "viewport=5,5,0,0,17,1", "viewport=5,5,-1,0,1,1"),
        *("viewport=x,y", "viewport=5,5,1", "quality=0", "quality=101", "quality=x", "quality="),
        f"quality=0001{'9' * 5000}",
        f"accept={'x' * 5000}",
        "accept=image/png;a*=no-such''x",
    ):
        assert get(f"{path}/rendered?{query}").status_code == 400, query
    assert get(f"{path}/frames/1,2/rendered").status_code == 400
    assert get(f"{path}/frames/3/rendered").status_code == 404
    assert get(f"{path}.9/rendered").status_code == 404
    assert get(f"{path}/rendered", Accept="image/gif").status_code == 406
    store(sakura, reference_file("reportsi.dcm"))
    refusal = get(f"{paths(sakura)[1]}/rendered")
    assert (refusal.status_code, b"no pixel data" in refusal.content) == (406, True)


def test_a_pixel_bomb_is_refused_unread(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, image(RAMP, Rows=65535, Columns=65535, **UIDS))
    path = paths(sakura)[0]
    for part in ("/rendered", "/thumbnail", "/frames/1"):
        refusal = get(path + part)
        assert (refusal.status_code, b"samples, more than" in refusal.content) == (406, True)


def test_thumbnails_of_every_level(get: Any, store: Any, sakura: Facility) -> None:
    store(sakura, reference_file("CT_small.dcm"))
    path = paths(sakura)[0]
    study, series = path.partition("/series")[0], path.partition("/instances")[0]
    for each in (study, series, path, f"{path}/frames/1"):
        assert max(picture(get(f"{each}/thumbnail")).size) == 128
        assert picture(get(f"{each}/thumbnail", {"viewport": "40,30"})).size == (30, 30)
    assert get(f"{study}.9/thumbnail").status_code == 404


def kept_pictures() -> int:
    return sum(1 for _ in Path(preview_cache().path("")).rglob("*.jpg"))


def test_plain_pictures_are_kept_and_others_are_not(get: Any, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept_pictures()
    first = get(f"{path}/rendered")
    for number in range(3):
        get(f"{path}/rendered", {"window": f"{number},5"})
    assert kept_pictures() == before + 1
    monkeypatch.setattr(DirectoryPlace, "pieces", None)
    assert get(f"{path}/rendered").content == first.content
    assert get(f"{path}/rendered", If_None_Match=first["ETag"]).status_code == 304


def test_who_may_look(
    path: str, sakura: Facility, lindenhof: Facility, token_for: Any, signed_in: Any, client: Client
) -> None:
    viewer = signed_in("viewer@example.org", sakura=Role.VIEWER)
    stranger = signed_in("stranger@example.org", lindenhof=Role.OWNER)
    for part in ("/rendered", "/thumbnail", "/frames/1", "/frames/1/rendered"):
        url = f"/f/sakura/dicom-web{path}{part}"
        headers = {"Authorization": f"Bearer {token_for(sakura, Scope.STORE)}"}
        assert client.get(url, headers=headers).status_code == 403
        assert (viewer.get(url).status_code, stranger.get(url).status_code) == (200, 404)
        foreign = url.replace("/f/sakura/", "/f/lindenhof/")
        assert stranger.get(foreign).content == stranger.get(foreign.replace("1.2.3/", "1.2.3.4/")).content
