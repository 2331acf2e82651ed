"""What is chosen beyond the images, and to whom it is sent: checked at every door, kept no longer than needed."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.db import DatabaseError, transaction

from apps.audit.record import SYSTEM
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice
from apps.orders.closing import ADDRESS_KEPT, close_due
from apps.orders.errors import InvalidOptions
from apps.orders.kinds import KINDS
from apps.orders.kinds.download import Download
from apps.orders.models import Order, OrderAddress, OrderKind
from apps.orders.options import SentOptions
from apps.orders.ordering import cancel, draw_up
from apps.orders.quoting import Counted, Extent
from tests.orders.stories import may_order, now, studies
from tests.portal.pages import dicom, store


class Prints(SentOptions):
    copies = forms.IntegerField(label="Copies", min_value=1, max_value=9, initial=1)
    size = forms.ChoiceField(label="Size", choices=[("s", "Small"), ("l", "Large")], initial="s")


class Print(Download):
    """A kind with something to choose."""

    options = Prints

    def count(self, extent: Extent, options: Mapping[str, Any]) -> list[Counted]:
        return [Counted("download", extent.frames * options["copies"])]


@pytest.fixture
def clinic(sakura: Facility, monkeypatch: pytest.MonkeyPatch) -> Facility:
    store(sakura, dicom(1, 1), dicom(1, 2, NumberOfFrames=3))
    may_order(sakura)
    monkeypatch.setitem(KINDS, OrderKind.PAPER, Print())
    return sakura


def drawn(facility: Facility, **given: str) -> Order:
    options = KINDS[OrderKind.PAPER].options(facility, given)
    chosen = [Choice(study.study_instance_uid) for study in studies(facility)]
    with as_facility(facility):
        return draw_up(facility, OrderKind.PAPER, chosen, options=options, is_urgent=False, actor=SYSTEM, now=now())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"copies": "0"}, "Copies: Ensure"),
        ({"copies": "1", "size": "huge"}, "Size: Select"),
        ({"copies": "1", "size": "s", "to_name": "Dr. Vogt"}, "A recipient has a name and an address"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(clinic: Facility, given: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        drawn(clinic, **given)
    assert told in refused.value.message
    assert "Vogt" not in refused.value.message
    with as_center():
        assert not Order.objects.exists()


def test_what_is_wanted_is_counted_and_kept(clinic: Facility) -> None:
    assert (drawn(clinic).amount, drawn(clinic).options) == (Decimal(2000), {"copies": 1, "size": "s"})
    order = drawn(clinic, copies="2", size="l")
    assert order.amount == 8 * 500
    assert Prints.told(order.options) == [("Copies", "2"), ("Size", "Large")]


def test_an_address_is_erased_some_time_after_the_order_ended(clinic: Facility) -> None:
    order = drawn(clinic, copies="1", size="s", to_name="Mori Haruka", to_address="1-2 Nishi")
    assert "Mori" not in str(order.options)
    with as_center(), pytest.raises(DatabaseError, match="kept as it was given"), transaction.atomic():
        OrderAddress.objects.update(name="Somebody else")
    with as_facility(clinic):
        cancel(order, actor=SYSTEM, now=now())
    for days, kept in ((-1, "Mori Haruka"), (1, "")):
        close_due(now=now() + ADDRESS_KEPT + timedelta(days=days))
        with as_facility(clinic):
            assert OrderAddress.objects.get().name == kept
    with as_facility(clinic):
        assert OrderAddress.objects.get().erased_at
