"""What an order is of: what was counted when it was quoted, a few images at a time, and nothing that came later."""

from collections.abc import Callable
from typing import Any
from weakref import WeakSet
from zipfile import ZipFile

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Instance
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.orders import ordered
from apps.orders.choosing import Choice
from apps.orders.errors import InvalidOptions
from apps.orders.kinds import KINDS
from apps.orders.models import OrderKind, Output, State
from apps.orders.ordered import Images, images_of
from apps.orders.ordering import request
from apps.orders.outputs import opened
from apps.orders.quoting import MOST_IMAGES, Extent
from tests.orders.sent import ready
from tests.orders.stories import may_order, now, produce, quoted
from tests.portal.pages import dicom, store, url

pytestmark = pytest.mark.usefixtures("committed_db")
FIRST, SECOND = Choice("2.25.1"), Choice("2.25.2")


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    store(sakura, dicom(1, 2), dicom(1, 1), dicom(2, 1))
    may_order(sakura, base_fee="20000", download="500", restore="50")
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def names_of(order: Any) -> list[str]:
    with as_center():
        return [image.sop_instance_uid for image in Images(order)]


def test_images_that_come_after_the_quote_are_not_given_out(
    clinic: Facility, staff: User, signed_in: Callable[..., Client], token_for: Callable[..., str]
) -> None:
    order = quoted(clinic, FIRST)
    store(clinic, dicom(1, 3), dicom(2, 2))
    member = signed_in("mori@example.org", sakura=Role.MEMBER)
    assert "1 image came after the quote" in member.get(url("order", order_id=order.pk)).content.decode()
    bearer = {"authorization": f"Bearer {token_for(clinic, 'orders:read')}"}
    assert member.get(f"/api/v1/f/sakura/orders/{order.uid}/", headers=bearer).json()["later_images"] == 1
    with as_facility(clinic):
        request(order, actor=SYSTEM, now=now())
    produce(order, staff)
    with as_center(), opened(Output.objects.get(order=order)) as file, ZipFile(file) as archive:
        assert [name for name in archive.namelist() if name.endswith(".dcm")] == [
            "001/001/000001.dcm", "001/001/000002.dcm",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("choices", "uids"),
    [
        ([FIRST], ["2.25.1.1.1", "2.25.1.1.2"]),
        ([Choice("2.25.1", "2.25.1.1")], ["2.25.1.1.1", "2.25.1.1.2"]),
        ([Choice("2.25.1", "2.25.1.1", "2.25.1.1.2"), SECOND], ["2.25.1.1.2", "2.25.2.1.1"]),
        ([Choice("2.25.1", "2.25.1.1", "2.25.1.1.2"), Choice("2.25.1", "2.25.1.1", "2.25.1.1.1")],
         ["2.25.1.1.1", "2.25.1.1.2"]),
    ],
)  # fmt: skip
def test_what_was_chosen_is_found_in_the_order_of_its_numbers(
    clinic: Facility, lindenhof: Facility, choices: list[Choice], uids: list[str]
) -> None:
    store(lindenhof, dicom(1, 1), dicom(1, 9))
    order = quoted(clinic, *choices)
    assert names_of(order) == uids
    assert order.instance_count == len(uids)


def test_a_restore_is_made_of_a_few_images_at_a_time(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(clinic, *(dicom(3, number) for number in range(1, 41)))
    alive: WeakSet[Any] = WeakSet()
    most = 0
    read = Instance.from_db.__func__  # type: ignore[attr-defined]

    def counted(cls: Any, *arguments: Any) -> Any:
        nonlocal most
        made = read(cls, *arguments)
        alive.add(made)
        most = max(most, len(alive))
        return made

    monkeypatch.setattr(ordered, "AT_ONCE", 5)
    monkeypatch.setattr(Instance, "from_db", classmethod(counted))
    order = ready(clinic, staff, OrderKind.RESTORE)
    assert order.state == State.READY
    with as_center():
        assert images_of(order).count() == 43
    assert 0 < most < 15


def test_one_file_is_not_made_of_any_number_of_images(clinic: Facility) -> None:
    extent = Extent(images=MOST_IMAGES + 1, frames=1, size_bytes=1)
    for kind in (OrderKind.DOWNLOAD, OrderKind.SHARE, OrderKind.DEIDENTIFIED, OrderKind.MEDIUM):
        options = KINDS[kind].options(clinic).chosen
        with pytest.raises(InvalidOptions, match="100,000 images"):
            list(KINDS[kind].count(extent, options))
    assert list(KINDS[OrderKind.RESTORE].count(extent, {}))
