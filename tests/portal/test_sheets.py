"""Sheets as they will look, on the page where they are chosen: right, paged, not rendered twice, and nobody else's."""

import io
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from apps.audit.models import Event
from apps.catalog.models import Instance
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_facility
from apps.orders.models import Order
from tests.orders.stories import may_order, studies
from tests.portal.pages import dicom, document, store, url

Enter = Callable[..., Client]
WISHES = {
    "kind": "film", "layout": "1x1", "size": "8INX10IN", "orientation": "landscape", "frames": "middle", "every": "1",
    "copies": "2", "window": "own",
}  # fmt: skip
BRIGHT = {"WindowCenter": 1, "WindowWidth": 1}


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    store(sakura, *(dicom(1, number, **BRIGHT) for number in range(1, 7)), document())
    may_order(sakura, base_fee="20000", film="900", delivery="3000")
    return sakura


@pytest.fixture
def member(clinic: Facility, signed_in: Enter) -> Client:
    client = signed_in("mori@example.org", sakura=Role.MEMBER)
    client.post(url("choose"), {"chosen": [study.pk for study in studies(clinic)]})
    return client


def page(client: Client, **wishes: str) -> str:
    answer = client.post(url("cart"), WISHES | wishes, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def pictures(content: str) -> list[str]:
    return re.findall(r'<img src="(/f/sakura/orders/new/sheets/[^"]+)"', content)


def levels(answer: Any) -> Any:
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))


def test_every_sheet_is_shown_before_it_is_ordered(clinic: Facility, member: Client) -> None:
    content = page(member, to_name="Dr. Vogt", to_address="1-2 Nishi")
    assert "6 sheets" in content
    assert "1 object of what is chosen is no picture" in content
    assert "¥13,800" in content  # twelve of 900, and the parcel
    first = pictures(content)
    assert len(first) == 4
    assert "Vogt" not in "".join(first)
    assert len(pictures(page(member, preview="5"))) == 2
    sheet = levels(member.get(first[0]))
    assert sheet.shape[1] == 480
    assert sheet.shape[0] == pytest.approx(384, abs=1)
    middle = sheet[:, 200:280]
    assert middle[100:250].mean() > 200  # the picture, on black
    assert middle[:10].max() == 0
    assert sheet[-60:].max() > 100  # what is written
    large = levels(member.get(f"{first[0]}&large"))
    assert large.shape[1] == 1400
    with as_facility(clinic):
        assert not Order.objects.exists()
        assert Event.objects.filter(action="study.viewed").count() == 1


def test_paper_is_white_and_its_sheets_follow_the_layout(clinic: Facility, member: Client) -> None:
    content = page(member, kind="paper", size="A4", layout="2x3", orientation="portrait")
    [address] = pictures(content)
    sheet = levels(member.get(address))
    assert sheet.shape == (480, 339)
    assert sheet[:8].min() == 255
    assert sheet[60, 60] > 200


def test_what_is_rendered_is_not_rendered_again(
    clinic: Facility, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    [address, *_] = pictures(page(member))
    answer = member.get(address)
    again = member.get(address, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    monkeypatch.setattr("apps.orders.sheets.previewing.render_preview", None)
    other = pictures(page(member, orientation="portrait"))[0]
    assert member.get(other)["ETag"] != answer["ETag"]


def test_what_cannot_be_shown_or_is_too_much_is_told(sakura: Facility, clinic: Facility, member: Client) -> None:
    frames = np.zeros((101, 4, 4), np.uint8)
    store(sakura, dicom(3, 1, frames, NumberOfFrames=101), dicom(4, 1, PhotometricInterpretation="ARGB"))
    member.post(url("choose"), {"chosen": [study.pk for study in studies(sakura)]})
    content = page(member, frames="all")
    assert "100 sheets at the most" in content
    assert pictures(content) == []
    assert 'value="film"' in content  # and can be chosen otherwise
    broken = levels(member.get(pictures(page(member, preview="5"))[3]))
    assert 0 < (broken > 100).sum() < 5000  # words alone
    assert levels(member.get(pictures(page(member, is_true_size="on"))[0])).max() == 255


def test_nonsense_and_strangers_see_no_sheets(
    clinic: Facility, lindenhof: Facility, member: Client, signed_in: Enter
) -> None:
    [address, *_] = pictures(page(member))
    number, query = url("sheet", number=7), address.split("?")[1]
    for nonsense in (f"{number}?{query}", f"{url('sheet', number=1)}?kind=download", f"{address}&layout=9x9",
                     url("sheet", number=10**6)):  # fmt: skip
        assert member.get(nonsense).status_code == 404
    may_order(lindenhof)
    stranger = signed_in("vogt@example.org", lindenhof=Role.OWNER)
    assert stranger.get(address).status_code == 404
    assert stranger.get(address.replace("sakura", "lindenhof")).status_code == 404
    viewer = signed_in("abe@example.org", sakura=Role.VIEWER)
    assert viewer.get(address).status_code == 403
    with as_facility(clinic):
        assert Instance.objects.count() == 7
