"""Orders in the portal: chosen, quoted, requested, followed, fetched in parts; by those who may."""

import io
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client
from django.utils.translation import gettext, override

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.catalog.models import Instance, Series, Study
from apps.contracts.agreeing import suspend
from apps.contracts.models import Contract
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.closing import close_due
from apps.orders.kinds.medium.options import CARRIERS, Carrier
from apps.orders.models import Message, Order, OrderKind, State
from apps.orders.passwords import password_of
from apps.orders.producing import produce_due
from apps.orders.talking import write
from apps.orders.working import dispatch
from apps.portal import cart
from tests.orders.media import ordered
from tests.orders.stories import dispatched, fresh, may_order, now, producing, quoted, requested, studies
from tests.portal.pages import dicom, store, url
from tests.retention.workplace import events

Enter = Callable[..., Client]


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    store(
        sakura, dicom(1, 1), dicom(1, 2), dicom(1, 3, SeriesInstanceUID="2.25.1.9"), dicom(2, 1, PatientName="Abe^Ren")
    )
    may_order(sakura)
    return sakura


@pytest.fixture
def member(clinic: Facility, signed_in: Enter) -> Client:
    return signed_in("mori@example.org", sakura=Role.MEMBER)


@pytest.fixture
def staff(person: Callable[..., User], clinic: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def choose(client: Client, **what: Any) -> str:
    """Choose something; what the page of the new order says."""
    answer = client.post(url("choose"), what, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def quote(client: Client, speed: str = "normal", kind: str = "download") -> Any:
    return client.post(url("cart"), {"kind": kind, "speed": speed}, follow=True)


def only_order() -> Order:
    with as_center():
        return Order.objects.get()


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_price_and_day_are_told_before_anything_is_ordered(clinic: Facility, member: Client) -> None:
    listed = member.get(url("studies")).content.decode()
    assert listed.count('name="chosen"') == 2
    content = choose(member, chosen=[study.pk for study in studies(clinic)])
    for told in ("Mori, Haruka", "Abe, Ren", "¥500", "¥750", "ready by"):
        assert told in content
    answer = quote(member, "urgent")
    assert b"Nothing is ordered yet" in answer.content
    order = only_order()
    assert (order.state, order.is_urgent, order.price, order.instance_count) == (State.QUOTED, True, "¥750", 4)
    assert "Nothing is chosen" in member.get(url("cart")).content.decode()
    answer = member.post(url("request_order", order_id=order.pk), follow=True)
    assert b"The center has your order" in answer.content
    assert b"Open order" in member.get(url("study", study_id=studies(clinic)[0].pk)).content
    assert str(order).encode() in member.get(url("orders")).content


def test_every_form_can_be_looked_at_with_and_without_something_chosen(clinic: Facility, member: Client) -> None:
    for kind in OrderKind:
        page = member.get(url("cart"), {"kind": kind})
        assert (page.status_code, page.context["kind"] == kind) == (200, kind == OrderKind.RESTORE), kind
    choose(member, chosen=[study.pk for study in studies(clinic)])
    for kind in OrderKind:
        page = member.get(url("cart"), {"kind": kind})
        assert (page.status_code, page.context["kind"]) == (200, kind), kind


def test_series_and_images_are_chosen_and_taken_away_again(clinic: Facility, member: Client) -> None:
    with as_facility(clinic):
        series = Series.objects.get(series_instance_uid="2.25.1.9")
        image = Instance.objects.select_related("series").get(sop_instance_uid="2.25.1.1.1")
    choose(member, series=series.pk)
    content = choose(member, image=image.pk)
    assert "image 1 of CT" in content
    assert "series CT" in content
    content = member.post(url("take_away"), {"number": "0"}, follow=True).content.decode()
    assert "series CT" not in content
    quote(member)
    assert only_order().instance_count == 1
    choose(member, image=image.pk)
    assert "whole study" in choose(member, chosen=[image.series.study_id])
    assert "Nothing is chosen" in member.post(url("take_away"), follow=True).content.decode()


@pytest.mark.parametrize(
    "wrong", [{}, {"chosen": ["x", "\N{SUPERSCRIPT TWO}", "9" * 30]}, {"series": "-1"}, {"image": "1e9"}]
)
def test_nonsense_chooses_nothing(member: Client, wrong: dict[str, Any]) -> None:
    assert "Choose something first" in choose(member, **wrong)


def test_a_restore_begins_with_what_was_chosen_and_with_everything_where_nothing_was(
    clinic: Facility, member: Client
) -> None:
    restore = url("cart") + "?kind=restore"
    assert member.get(restore).context["options"]["what"].value() == "all"
    choose(member, chosen=[studies(clinic)[0].pk])
    assert member.get(restore).context["options"]["what"].value() == "chosen"


def test_nothing_is_quoted_but_what_is_offered(clinic: Facility, member: Client) -> None:
    for speed, kind in (("", "download"), ("normal", "statue"), ("normal", "")):
        choose(member, chosen=[studies(clinic)[0].pk])
        quote(member, speed, kind)
    quote(member)
    assert only_order().is_urgent is False
    assert "Nothing is chosen" in quote(member).content.decode()


def test_another_facilitys_images_are_as_if_not_there(clinic: Facility, lindenhof: Facility, signed_in: Enter) -> None:
    may_order(lindenhof)
    stranger = signed_in("vogt@example.org", lindenhof=Role.OWNER)
    [study, *_] = studies(clinic)
    for what in ({"chosen": study.pk}, {"series": "1"}, {"image": "1"}):
        answer = stranger.post(url("choose", "lindenhof"), what, follow=True)
        assert b"Choose something first" in answer.content
    order = requested(clinic)
    for name in ("order", "order_output"):
        assert stranger.get(url(name, "lindenhof", order_id=order.pk)).status_code == 404
    for name in ("request_order", "cancel_order", "confirm_order", "write_about_order"):
        assert stranger.post(url(name, "lindenhof", order_id=order.pk), {"text": "x"}).status_code == 404
    assert fresh(order).state == State.REQUESTED


def test_viewers_follow_orders_and_order_nothing(clinic: Facility, signed_in: Enter, staff: User) -> None:
    viewer = signed_in("abe@example.org", sakura=Role.VIEWER)
    order = dispatched(clinic, staff)
    page = viewer.get(url("order", order_id=order.pk)).content
    assert b"Download" in page
    assert b"I have it" not in page
    assert b'name="chosen"' not in viewer.get(url("studies")).content
    assert viewer.get(url("cart")).status_code == 403
    assert viewer.post(url("confirm_order", order_id=order.pk)).status_code == 403
    assert viewer.get(url("order_output", order_id=order.pk)).status_code == 200


def test_a_suspended_contract_asks_for_the_emergency(clinic: Facility, member: Client) -> None:
    choose(member, chosen=[studies(clinic)[0].pk])
    quote(member)
    order = only_order()
    with as_center():
        suspend(Contract.objects.get(), actor=SYSTEM, now=now())
    send = url("request_order", order_id=order.pk)
    assert b"Request it as an emergency" in member.get(url("order", order_id=order.pk)).content
    assert b"overdue" in member.post(send, {"emergency": "  "}, follow=True).content
    assert only_order().state == State.QUOTED
    member.post(send, {"emergency": "operated on tonight"})
    assert (only_order().state, only_order().emergency) == (State.REQUESTED, "operated on tonight")


def test_without_a_contract_the_center_is_to_be_asked(lindenhof: Facility, signed_in: Enter) -> None:
    store(lindenhof, dicom())
    owner = signed_in("vogt@example.org", lindenhof=Role.OWNER)
    answer = owner.post(url("choose", "lindenhof"), {"chosen": studies(lindenhof)[0].pk}, follow=True)
    assert b"No contract is in force" in answer.content


def test_an_order_is_cancelled_until_it_is_produced(clinic: Facility, member: Client, staff: User) -> None:
    early, late = requested(clinic), producing(clinic, staff)
    cancel = url("cancel_order", order_id=early.pk)
    assert b"What is cancelled does not come back" in member.post(cancel).content
    assert fresh(early).state == State.REQUESTED
    assert b"is cancelled" in member.post(cancel, {"confirmed": "yes"}, follow=True).content
    assert b"cannot become" in member.post(url("cancel_order", order_id=late.pk), follow=True).content
    page = member.get(url("order", order_id=late.pk), headers={"HX-Request": "true"}).content
    assert b"<progress" in page
    assert (fresh(early).state, fresh(late).state) == (State.CANCELLED, State.PRODUCING)


def test_a_quote_is_given_up_at_once_and_what_expired_says_so_in_the_readers_language(
    clinic: Facility, member: Client
) -> None:
    first, second = quoted(clinic), quoted(clinic, at=now() - timedelta(days=8))
    assert b"Give the quote up" in member.get(url("order", order_id=first.pk)).content
    assert b"The quote is given up" in member.post(url("cancel_order", order_id=first.pk), follow=True).content
    close_due(now=now())
    assert (fresh(first).state, fresh(second).state) == (State.CANCELLED, State.CANCELLED)
    assert b"The quote has expired" in member.get(url("order", order_id=second.pk)).content
    with override("ja"):
        told = gettext("The quote has expired")
    member.cookies["django_language"] = "ja"
    assert told in member.get(url("order", order_id=second.pk)).content.decode()


def test_what_has_ended_is_ordered_again_as_far_as_it_is_stored(
    clinic: Facility, lindenhof: Facility, member: Client, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = requested(clinic)
    again = url("order_again", order_id=order.pk)
    assert again not in member.get(url("order", order_id=order.pk)).content.decode()
    member.post(url("cancel_order", order_id=order.pk), {"confirmed": "yes"})
    assert again in member.get(url("order", order_id=order.pk)).content.decode()
    answer = member.post(again, follow=True)
    assert answer.redirect_chain[-1][0] == f"{url('cart')}?kind={order.kind}"
    assert len(answer.context["chosen"]) == len(studies(clinic))
    member.post(url("take_away"))
    monkeypatch.setattr(cart, "studies_of", lambda *_given: Study.objects.none())
    assert b"Nothing of it is stored any more" in member.post(again, follow=True).content
    assert signed_in("abe@example.org", sakura=Role.VIEWER).post(again).status_code == 403
    stranger = signed_in("vogt@example.org", lindenhof=Role.OWNER)
    assert stranger.post(url("order_again", "lindenhof", order_id=order.pk)).status_code == 404


def test_an_empty_list_of_orders_says_what_to_do_to_whom_it_may_help(
    clinic: Facility, member: Client, signed_in: Enter
) -> None:
    viewer = signed_in("abe@example.org", sakura=Role.VIEWER)
    assert url("cart") in member.get(url("orders")).content.decode()
    for address in (url("orders"), url("orders") + "?show=open"):
        page = viewer.get(address).content.decode()
        assert url("cart") not in page
        assert "Choose studies" not in page
    order = requested(clinic)
    member.post(url("cancel_order", order_id=order.pk), {"confirmed": "yes"})
    assert "No order is open" in member.get(url("orders") + "?show=open").content.decode()


def test_facility_and_center_write_to_each_other(clinic: Facility, member: Client, staff: User) -> None:
    order = requested(clinic)
    tell = url("write_about_order", order_id=order.pk)
    assert b"Write something" in member.post(tell, {"text": " "}, follow=True).content
    member.post(tell, {"text": "By noon, please <b>"})
    with as_center():
        write(order, text="It will be there", by=staff, is_from_center=True, actor=SYSTEM, now=now())
        assert Message.objects.count() == 2
    page = member.get(url("order", order_id=order.pk)).content
    for told in (b"By noon, please &lt;b&gt;", b"It will be there"):
        assert told in page
    assert staff.email.encode() not in page


@pytest.fixture
def fetched(clinic: Facility, member: Client, staff: User) -> tuple[str, bytes, str]:
    """Address, content and ETag of an output."""
    order = dispatched(clinic, staff)
    address = url("order_output", order_id=order.pk)
    answer = member.get(address)
    return address, body(answer), answer["ETag"]


def test_the_download_is_what_was_produced(fetched: tuple[str, bytes, str], member: Client) -> None:
    address, content, etag = fetched
    assert etag == f'"{sha256(content).hexdigest()}"'
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 6
    head = member.head(address)
    assert (head["Accept-Ranges"], head["Content-Length"]) == ("bytes", str(len(content)))
    with as_center():
        assert Event.objects.filter(action="order.downloaded").count() == 2
    order = only_order()
    assert member.post(url("confirm_order", order_id=order.pk), follow=True).status_code == 200
    assert (only_order().state, body(member.get(address))) == (State.COMPLETED, content)


def test_a_download_that_was_cut_goes_on(fetched: tuple[str, bytes, str], member: Client) -> None:
    address, content, etag = fetched
    size = len(content)
    for asked, start, end in (
        ("bytes=0-99", 0, 99), (f"bytes={size // 2}-", size // 2, size - 1), ("bytes=-10", size - 10, size - 1),
        (f"bytes=5-{size * 9}", 5, size - 1), (f"bytes=-{size * 9}", 0, size - 1),
    ):  # fmt: skip
        answer = member.get(address, headers={"Range": asked, "If-Range": etag})
        assert (answer.status_code, answer["Content-Range"]) == (206, f"bytes {start}-{end}/{size}")
        assert body(answer) == content[start : end + 1]
    for asked in ("bytes=1-2,4-5", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=9-3"):
        assert body(member.get(address, headers={"Range": asked})) == content
    assert body(member.get(address, headers={"Range": "bytes=5-", "If-Range": '"other"'})) == content
    for asked in (f"bytes={size}-", "bytes=-0"):
        answer = member.get(address, headers={"Range": asked})
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{size}")


def test_nothing_is_fetched_before_it_is_dispatched(clinic: Facility, member: Client, staff: User) -> None:
    order = producing(clinic, staff)
    assert member.get(url("order_output", order_id=order.pk)).status_code == 404


def test_what_is_to_be_known_of_a_wish_is_told_before_it_is_quoted(
    clinic: Facility, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    member.post(url("choose"), {"chosen": [study.pk for study in studies(clinic)]})
    wish = {"kind": "deidentified", "doubtful": "left_out", "preview": "1"}
    assert b"burned into the picture" in member.post(url("cart"), wish).content
    wish = {"kind": "medium", "carrier": "cd", "copies": "2", "preview": "1"}
    page = member.post(url("cart"), wish).content
    assert b"ready by" in page
    monkeypatch.setitem(CARRIERS, "cd", Carrier(is_disc=True, capacity=1 << 20, longest_file=100))
    page = member.post(url("cart"), wish).content
    assert b"does not fit on this medium" in page
    assert b"ready by" not in page
    assert b"USB stick" in page


def test_a_password_is_read_by_members_until_the_order_ends(
    clinic: Facility, member: Client, signed_in: Enter, staff: User
) -> None:
    order = ordered(clinic, staff, OrderKind.MEDIUM, carrier="stick", copies="1", is_protected="on")
    assert produce_due() == 1
    show = url("order_password", order_id=order.pk)
    assert b"Show the password" not in member.get(url("order", order_id=order.pk)).content
    assert b"from its dispatch" in member.post(show, follow=True).content
    with as_center():
        dispatch(order, by=staff, actor=SYSTEM, now=now())
        password = password_of(order).encode()
    assert b"Show the password" in member.get(url("order", order_id=order.pk)).content
    answer = member.post(show)
    assert password in answer.content
    assert "no-store" in answer["Cache-Control"]
    assert password not in member.get(url("order", order_id=order.pk)).content
    assert [event.facility_id for event in events("order.password_read")] == [clinic.pk]
    assert signed_in("viewer@example.org", sakura=Role.VIEWER).post(show).status_code == 403
