"""The clinic's side of a share link: made and shown once, mailed, ended, and who came by it."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from apps.accounts.models import User
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.orders.models import Order, ShareLink
from tests.orders.shares import BORN, enter, linked, share_order, what_happened
from tests.orders.stories import may_order, studies
from tests.portal.pages import dicom, store, url

Enter = Callable[..., Client]


@pytest.fixture(autouse=True)
def no_tries_before() -> None:
    cache.clear()


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    store(sakura, dicom(PatientBirthDate=BORN))
    may_order(sakura, base_fee="20000", download="500", share="300")
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], clinic: Facility) -> User:
    return person("staff@center.example", is_staff=True)


@pytest.fixture
def member(clinic: Facility, signed_in: Enter) -> Client:
    return signed_in("mori@example.org", sakura=Role.MEMBER)


def made_by(client: Client, order: Order) -> Any:
    return client.post(url("make_share_link", order_id=order.pk))


def page_of(client: Client, order: Order) -> str:
    return unescape(client.get(url("order", order_id=order.pk)).content.decode())


def test_a_link_is_wished_for_with_its_options(clinic: Facility, member: Client) -> None:
    member.post(url("choose"), {"chosen": [study.pk for study in studies(clinic)]})
    form = {"kind": "share", "receiver": "facility", "to_name": "Dr. Vogt", "days": "30", "downloads": "3"}
    content = member.post(url("cart"), form | {"preview": "1"}).content.decode()
    assert "¥300" in content
    answer = member.post(url("cart"), form | {"speed": "normal"}, follow=True)
    for told in ("Another facility", "Dr. Vogt", "30"):
        assert told in answer.content.decode()
    with as_center():
        assert "Vogt" not in str(Order.objects.get().options)


def test_why_there_is_no_price_is_told_and_another_form_can_be_chosen(clinic: Facility, member: Client) -> None:
    store(clinic, dicom(2))
    member.post(url("choose"), {"chosen": [study.pk for study in studies(clinic)]})
    content = member.post(url("cart"), {"kind": "share", "preview": "1"}).content.decode()
    assert "A share link is of one patient" in content
    assert 'value="download"' in content


def test_link_and_code_are_shown_once(clinic: Facility, member: Client, staff: User) -> None:
    order = share_order(clinic, staff)
    assert "Make the link" in page_of(member, order)
    answer = made_by(member, order)
    address, code = answer.context["given"].address, answer.context["given"].code
    content = answer.content.decode()
    assert address.startswith("http://localhost:8000/s/#")
    for told in (address, code, "data:image/svg+xml;base64,", "Tell it by telephone", "date of birth, too"):
        assert told in content
    assert answer["Cache-Control"] == "no-store"
    page = page_of(member, order)
    assert address.partition("#")[2] not in page
    assert code not in page
    for told in ("It works until", "2 downloads are left", "Make another link", "Link made"):
        assert told in page
    assert mail.outbox == []


def test_the_clinic_does_not_get_what_is_the_receivers(
    clinic: Facility, member: Client, staff: User, token_for: Callable[..., str]
) -> None:
    order = share_order(clinic, staff)
    assert url("order_output", order_id=order.pk) not in page_of(member, order)
    assert member.get(url("order_output", order_id=order.pk)).status_code == 404
    bearer = {"authorization": f"Bearer {token_for(clinic, 'orders:read')}"}
    assert member.get(f"/api/v1/f/sakura/orders/{order.uid}/output/", headers=bearer).status_code == 404
    browser, entered = enter(linked(order))
    assert browser.get(f"{entered['Location']}files").status_code == 200


def test_another_link_ends_the_one_before(clinic: Facility, member: Client, staff: User) -> None:
    order = share_order(clinic, staff)
    first = linked(order)
    made_by(member, order)
    assert enter(first)[1].status_code == 403
    assert member.post(url("revoke_share_link", order_id=order.pk), follow=True).status_code == 200
    page = page_of(member, order)
    assert "Ended" in page
    assert what_happened() == ["made", "revoked", "made", "refused", "revoked"]
    with as_center():
        assert not ShareLink.objects.filter(revoked_at=None).exists()


def test_the_clinic_sees_that_somebody_guesses(clinic: Facility, member: Client, staff: User) -> None:
    order = share_order(clinic, staff)
    made = linked(order)
    for _ in range(10):
        enter(made, Client(REMOTE_ADDR="203.0.113.9"), code="1")
    page = page_of(member, order)
    for told in ("Locked", "10 tries with a wrong birth date", "203.0.113.0/24", "Make another link"):
        assert told in page
    assert "203.0.113.9" not in page


def test_the_code_is_mailed_where_a_contact_was_given(
    clinic: Facility, member: Client, staff: User, settings: Any
) -> None:
    order = share_order(clinic, staff, contact="vogt@clinic.example", to_name="Dr. Vogt")
    answer = made_by(member, order)
    assert "It was mailed to vogt@clinic.example" in answer.content.decode()
    [message] = mail.outbox
    assert message.to == ["vogt@clinic.example"]
    text = f"{message.subject} {message.body}"
    assert answer.context["given"].code in text
    for kept_back in (answer.context["given"].address.partition("#")[2], "Mori", "1980"):
        assert kept_back not in text
    settings.EMAIL_BACKEND = "tests.portal.test_sharing.Down"
    assert "could not be mailed" in made_by(member, order).content.decode()


class Down:
    """A mail server that does not answer."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError


def test_links_are_made_by_members_of_what_is_theirs(
    clinic: Facility, lindenhof: Facility, staff: User, signed_in: Enter
) -> None:
    order = share_order(clinic, staff)
    viewer = signed_in("abe@example.org", sakura=Role.VIEWER)
    stranger = signed_in("vogt@example.org", lindenhof=Role.OWNER)
    assert "Make the link" not in page_of(viewer, order)
    for name in ("make_share_link", "revoke_share_link"):
        assert viewer.post(url(name, order_id=order.pk)).status_code == 403
        assert stranger.post(url(name, "lindenhof", order_id=order.pk)).status_code == 404
    assert what_happened() == []
