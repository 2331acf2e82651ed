"""Share links as receivers use them, and as attackers try to."""

import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.test import Client

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.catalog.models import Instance
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders import sharing
from apps.orders.choosing import Choice
from apps.orders.errors import InvalidOptions, LinkNotOpened, NoDownloadsLeft, NothingOffered
from apps.orders.models import Order, QuoteLine, ShareLink, ShareOpening
from apps.orders.ordering import complete
from apps.orders.sharing import MOST_REFUSALS, OPEN_FOR, make_link, open_link, recognize, revoke_link, take_download
from apps.orders.working import send_back
from tests.orders.shares import BIRTH_DATE, BORN, enter, factors, linked, share_order, what_happened
from tests.orders.stories import dispatched, fresh, fulfil, may_order, now
from tests.portal.pages import dicom, store

pytestmark = pytest.mark.usefixtures("committed_db")
FILES = [dicom(1, number, PatientBirthDate=BORN, StudyDescription="Head") for number in (1, 2)]


@pytest.fixture(autouse=True)
def no_tries_before() -> None:
    cache.clear()


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    store(sakura, *FILES)
    may_order(sakura, base_fee="20000", download="500", share="300")
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


@pytest.fixture
def order(clinic: Facility, staff: User) -> Order:
    return share_order(clinic, staff)


def instances(facility: Facility) -> list[int]:
    with as_facility(facility):
        return list(Instance.objects.order_by("pk").values_list("pk", flat=True))


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def plain(answer: Any) -> str:
    """A page without what differs each time: the protection against forged requests, and what was typed."""
    return re.sub(r'value="[^"]*"', "", answer.content.decode())


def test_a_receiver_looks_and_downloads(order: Order, clinic: Facility) -> None:
    made = linked(order)
    typed = made.code.translate({ord("0") + digit: sign for digit, sign in enumerate("０１２３４٥٦٧۸9")})
    browser, answer = enter(made, code=f" {typed[:4]}-{typed[4:]} ")
    assert (answer.status_code, len(made.token), len(made.code)) == (302, 43, 8)
    cookie = answer.cookies["share"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", answer["Location"])
    page = browser.get(answer["Location"])
    for told in ("Sakura Clinic", "Head", "2 downloads left", "2 images"):
        assert told in page.content.decode()
    shown = re.search(r"/s/[^\"]+/series/\d+/", page.content.decode())
    assert shown
    assert b"Image 2 of 2" in browser.get(f"{shown[0]}?image=9").content
    for pk in instances(clinic):
        picture = browser.get(f"{answer['Location']}images/{pk}?size=view")
        assert picture["Content-Type"] == "image/jpeg"
    head = browser.head(f"{answer['Location']}files")
    assert fresh_link(made).downloads_left == 2
    whole = browser.get(f"{answer['Location']}files")
    content = body(whole)
    with ZipFile(io.BytesIO(content)) as archive:
        assert [archive.read(name) for name in archive.namelist()[:2]] == FILES
    assert head["Content-Length"] == str(len(content))
    rest = browser.get(f"{answer['Location']}files", headers={"Range": "bytes=100-", "If-Range": whole["ETag"]})
    assert (rest.status_code, body(rest)) == (206, content[100:])
    assert fresh_link(made).downloads_left == 1
    assert what_happened() == ["made", "opened", "downloaded"]
    for each in (page, picture, whole):
        assert (each["Cache-Control"], each["X-Robots-Tag"][:7]) == ("no-store", "noindex")


def fresh_link(made: sharing.Made) -> ShareLink:
    with as_center():
        return ShareLink.objects.get(pk=made.link.pk)


def test_it_has_a_price_and_a_term_and_is_of_one_patient(clinic: Facility, staff: User) -> None:
    order = share_order(clinic, staff, days=90)
    made = fresh(order)
    assert made.delivered_at
    assert made.price == "¥300"
    assert made.offered_until == made.delivered_at + timedelta(days=90)
    with as_center():
        assert [line.item for line in QuoteLine.objects.filter(order=order)] == ["share"]
    store(clinic, dicom(2, PatientBirthDate=BORN))
    with pytest.raises(InvalidOptions, match="one patient"):
        share_order(clinic, staff)
    for wrong in ({"days": 0}, {"days": 91}, {"downloads": 0}, {"receiver": "anybody"}, {"contact": "nobody"}):
        with pytest.raises(InvalidOptions):
            share_order(clinic, staff, Choice("2.25.1"), **wrong)


def test_looking_at_the_address_consumes_nothing(order: Order) -> None:
    made = linked(order)
    bot = Client()
    for answer in (bot.get("/s/"), bot.head("/s/"), bot.get(f"/s/?{made.token}"), bot.options("/s/")):
        assert answer.status_code in {200, 405}
        assert "share" not in answer.cookies
    inside = f"/s/{made.link.uid}/"
    for path in ("", "files", "images/1", "series/1/"):
        for answer in (bot.get(inside + path), bot.head(inside + path)):
            assert (answer.status_code, answer["Cache-Control"]) == (403, "no-store")
        assert bot.post(inside + path).status_code == 405
    assert (what_happened(), fresh_link(made).downloads_left) == (["made"], 2)


def test_what_does_not_open_answers_alike(order: Order, clinic: Facility, staff: User) -> None:
    """Wrong, unknown, revoked, locked: one page, one status, before and after the factors are given."""
    revoked, locked = linked(order), linked(order)
    answers = [enter(revoked)[1], enter(locked, code="00000000")[1], enter(locked, birth_date="1980-02-28")[1]]
    answers += [enter(locked, birth_date="")[1], enter(locked, token="x" * 43)[1]]
    for _ in range(MOST_REFUSALS):
        cache.clear()
        answers.append(enter(locked, code="00000000")[1])
    answers.append(enter(locked)[1])
    assert {answer.status_code for answer in answers} == {403}
    assert len({plain(answer) for answer in answers}) == 1
    assert not any("share" in answer.cookies for answer in answers)
    assert len({plain(Client().get("/s/")) for _ in range(2)}) == 1
    unknown, known = (Client().get(f"/s/{uid}/") for uid in (locked.link.uid, "12345678-1234-4234-9234-123456789012"))
    assert plain(unknown) == plain(known)


def tried(made: sharing.Made, code: str, **other: Any) -> sharing.Opened:
    given: dict[str, Any] = {"token": made.token, "birth_date": BIRTH_DATE, "source_address": None, "now": now()}
    return open_link(code=code, **given | other)


def test_guessing_from_a_thousand_addresses_locks_the_link(order: Order) -> None:
    """Of which the last ones have found the code out."""
    made, at = linked(order), now()
    for number in range(1000):
        code = made.code if number > 900 else f"{number:08}"
        address = f"10.0.{number // 250}.{number % 250 + 1}"
        with pytest.raises(LinkNotOpened):
            open_link(token=made.token, birth_date=BIRTH_DATE, code=code, source_address=address, now=at)
    link = fresh_link(made)
    assert (link.refusals, link.locked_at is not None) == (MOST_REFUSALS, True)
    assert what_happened() == ["made", *["refused"] * MOST_REFUSALS, "locked"]
    assert enter(linked(order))[1].status_code == 302


def test_one_address_tries_so_often_in_a_minute(order: Order) -> None:
    made = linked(order)
    browser = Client()
    answers = [enter(made, browser, token="y" * 43)[1].status_code for _ in range(21)]
    assert answers == [403] * 20 + [429]
    assert enter(made, browser)[1].status_code == 429
    assert enter(made, Client(REMOTE_ADDR="192.0.2.7"))[1].status_code == 302


def test_tries_at_once_are_counted_each(order: Order) -> None:
    made = linked(order)
    ready = Barrier(4)

    def guess(number: int) -> None:
        try:
            ready.wait(30)
            for each in range(3):
                with pytest.raises(LinkNotOpened):
                    tried(made, f"{number}{each}")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(guess, range(4)))
    assert (fresh_link(made).refusals, what_happened().count("locked")) == (MOST_REFUSALS, 1)


def test_a_link_dies_with_what_it_leads_to(order: Order, clinic: Facility, staff: User) -> None:
    made = linked(order)
    browser, entered = enter(made)
    assert browser.get(entered["Location"]).status_code == 200
    end = fresh(order).offered_until
    assert end
    opened = browser.cookies["share"].value
    recognize(opened, made.link.uid, now=now() + OPEN_FOR - timedelta(minutes=1))
    for moment in (now() + OPEN_FOR, end):
        with pytest.raises(LinkNotOpened):
            recognize(opened, made.link.uid, now=moment)
    with pytest.raises(LinkNotOpened):
        tried(made, made.code, now=end)
    with as_facility(clinic), pytest.raises(NothingOffered):
        make_link(order, actor=SYSTEM, now=end)
    with as_facility(clinic):
        complete(order, actor=SYSTEM, now=now())
    assert browser.get(entered["Location"]).status_code == 200

    again = share_order(clinic, staff)
    sent_back = linked(again)
    browser, entered = enter(sent_back)
    with as_center():
        send_back(again, reason="the wrong study", by=staff, actor=SYSTEM, now=now())
    assert browser.get(entered["Location"]).status_code == 403
    fulfil(again, staff)
    assert (browser.get(entered["Location"]).status_code, enter(sent_back)[1].status_code) == (403, 403)
    browser, entered = enter(linked(again))
    assert entered.status_code == 302
    with as_facility(clinic):
        revoke_link(again, actor=SYSTEM, now=now())
        revoke_link(again, actor=SYSTEM, now=now())
    assert browser.get(f"{entered['Location']}files").status_code == 403
    assert what_happened()[-1] == "revoked"


def test_a_cookie_opens_its_own_link_alone(clinic: Facility, staff: User, lindenhof: Facility) -> None:
    store(clinic, dicom(2, 1, PatientBirthDate=BORN))
    store(lindenhof, dicom(1, 1, PatientBirthDate=BORN))
    may_order(lindenhof)
    mine, other = (linked(share_order(clinic, staff, Choice(f"2.25.{number}"))) for number in (1, 2))
    foreign = linked(share_order(lindenhof, staff))
    browser, entered = enter(mine)
    stolen = browser.cookies["share"].value
    for link in (other.link, foreign.link):
        thief = Client()
        thief.cookies["share"] = stolen
        assert thief.get(f"/s/{link.uid}/").status_code == 403
        assert thief.get(f"/s/{link.uid}/files").status_code == 403
    both = enter(other, browser)[1]
    assert {browser.get(each["Location"]).status_code for each in (entered, both)} <= {200, 403}
    first, second, third = instances(clinic)
    assert instances(lindenhof)
    mine_again, entered = enter(mine)
    seen = [
        mine_again.get(f"{entered['Location']}images/{pk}").status_code
        for pk in (first, second, third, *instances(lindenhof), 10**30)
    ]
    assert seen == [200, 200, 404, 404, 404]
    store(clinic, dicom(1, 3, PatientBirthDate=BORN))
    with as_center():
        late = Instance.objects.filter(facility=clinic).latest("pk")
        type(late.pack).objects.filter(pk=late.pack_id).update(created_at=now())
    assert mine_again.get(f"{entered['Location']}images/{late.pk}").status_code == 404
    for wrong in ("", "x", stolen[:-1], str(mine.link.uid)):
        with pytest.raises(LinkNotOpened):
            recognize(wrong, mine.link.uid, now=now())


def test_the_last_download_is_had_once(clinic: Facility, staff: User) -> None:
    made = linked(share_order(clinic, staff, downloads=1))
    secrets = [tried(made, made.code).secret for _ in range(4)]
    ready = Barrier(4)

    def fetch(secret: str) -> bool:
        try:
            shared = recognize(secret, made.link.uid, now=now())
            ready.wait(30)
            with as_facility(clinic.pk):
                take_download(shared, actor=SYSTEM, now=now())
        except NoDownloadsLeft:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        had = list(threads.map(fetch, secrets))
    assert (sum(had), fresh_link(made).downloads_left) == (1, 0)
    shared = recognize(secrets[had.index(True)], made.link.uid, now=now())
    with as_facility(clinic):
        take_download(shared, actor=SYSTEM, now=now())
    late, entered = enter(made)
    refused = late.get(f"{entered['Location']}files")
    assert (refused.status_code, b"as often as" in refused.content) == (403, True)
    assert b"You can look" in late.get(entered["Location"]).content


def test_without_a_birth_date_the_code_is_longer(sakura: Facility, staff: User) -> None:
    store(sakura, dicom())
    may_order(sakura)
    made = linked(share_order(sakura, staff))
    assert (len(made.code), made.link.asks_birth_date) == (12, False)
    assert enter(made, birth_date="", code=made.code[:8])[1].status_code == 403
    assert enter(made, birth_date="")[1].status_code == 302
    assert enter(made, birth_date="1999-09-09")[1].status_code == 302


def test_what_is_kept_gives_nothing_away(order: Order) -> None:
    made = linked(order)
    browser, _ = enter(made)
    opened = browser.cookies["share"].value
    with connection.cursor() as cursor, as_center():
        cursor.execute("SELECT l::text || o::text FROM orders_sharelink l, orders_shareopening o")
        rows = str(cursor.fetchall())
        cursor.execute("SELECT string_agg(e::text, '') FROM audit_event e WHERE object_type = 'share_link'")
        rows += str(cursor.fetchall())
    for secret in (made.token, made.code, opened, "1980"):
        assert secret not in rows
        assert secret.encode().hex() not in rows


def test_the_database_revives_no_link(order: Order, clinic: Facility) -> None:
    made = linked(order)
    enter(made)
    with as_facility(clinic):
        revoke_link(order, actor=SYSTEM, now=now())
    changes: list[dict[str, Any]] = [
        {"revoked_at": None}, {"downloads_left": 9}, {"refusals": -1}, {"factors_hmac": bytes(32)},
        {"token_sha256": bytes(32)}, {"production": 2},
    ]  # fmt: skip
    with as_facility(clinic):
        for change in changes:
            with pytest.raises(DatabaseError), transaction.atomic():
                ShareLink.objects.update(**change)
        with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
            ShareOpening.objects.update(ends_at=now() + timedelta(days=9))
        for model in (ShareLink, ShareOpening):
            with pytest.raises(DatabaseError), transaction.atomic():
                model.objects.all().delete()


def test_only_what_is_shared_is_shared(clinic: Facility, staff: User) -> None:
    """A link of a download, or before it is dispatched, is not made."""
    download = dispatched(clinic, staff)
    with as_facility(clinic), pytest.raises(NothingOffered):
        make_link(download, actor=SYSTEM, now=now())
    assert what_happened() == []


def test_what_is_no_try_is_not_counted(order: Order) -> None:
    made, long = linked(order), "1" * 101
    for name, values in {"token": ["", "a\0", long], "code": ["", long], "birth_date": ["29.2.1980", "1"]}.items():
        for wrong in values:
            assert Client().post("/s/", factors(made) | {name: wrong}).status_code == 422
    assert fresh_link(made).refusals == 0


def test_who_came_is_told_without_the_whole_address(order: Order) -> None:
    made = linked(order)
    enter(made, Client(REMOTE_ADDR="192.0.2.77"))
    enter(made, Client(REMOTE_ADDR="2001:db8:1:2::3"), code="1")
    with as_facility(order.facility_id):
        told = [(event.action, sharing.network_of(event.source_address)) for event in sharing.history_of(order)]
        assert Event.objects.filter(actor_kind="receiver", actor_id=str(made.link.pk)).count() == 2
    assert told[:2] == [("share_link.refused", "2001:db8:1::/48"), ("share_link.opened", "192.0.2.0/24")]


def test_codes_differ_and_dates_are_compared_as_dates() -> None:
    codes = {sharing._random_digits(8) for _ in range(50)}
    assert (len(codes), {len(code) for code in codes}) == (50, {8})
    assert sharing._hmac("t", "1", date(1980, 2, 29)) != sharing._hmac("t", "1", None)
