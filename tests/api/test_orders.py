"""Orders by REST: a program prices, orders, follows, fetches and shares; what is wrong is a problem."""

import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.core import mail
from django.test import Client

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.contracts.agreeing import suspend
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.orders.models import Order
from tests.orders.sent import node
from tests.orders.stories import dispatched, fresh, fulfil, may_order, now
from tests.portal.pages import dicom, store

pytestmark = pytest.mark.usefixtures("committed_db")
STUDY = {"study": "2.25.1"}
WISH = {"kind": "download", "items": [STUDY]}
Ask = Callable[..., Any]


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    store(sakura, dicom(1, 1, PatientBirthDate="19800229"), dicom(1, 2, PatientBirthDate="19800229"))
    may_order(sakura, base_fee="20000", download="500", share="300")
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


@pytest.fixture
def ask(client: Client, clinic: Facility, token_for: Callable[..., str]) -> Ask:
    """ask("orders/", {...}) posts, ask("orders/") gets; below the facility's address."""
    bearer = {"authorization": f"Bearer {token_for(clinic, Scope.ORDERS_READ, Scope.ORDERS_PLACE)}"}

    def send(path: str, content: Any = None, *, method: str = "", **headers: str) -> Any:
        method = method or ("get" if content is None else "post")
        given = {} if method == "get" else {"data": content or {}, "content_type": "application/json"}
        return getattr(client, method)(f"/api/v1/f/sakura/{path}", headers=bearer | headers, **given)

    return send


def only_order() -> Order:
    with as_center():
        return Order.objects.select_related("facility").get()


def test_from_the_price_to_the_files(ask: Ask, staff: User) -> None:
    told = ask("order-estimates/", WISH).json()
    assert [(told[each]["amount"], told[each]["ready_hours"]) for each in ("normal", "urgent")] == [
        ("500.00", 48), ("750.00", 4),
    ]  # fmt: skip
    assert told["notes"] == []
    uid = str(uuid4())
    made = ask("orders/", WISH | {"uid": uid, "is_urgent": True})
    assert (made.status_code, made.json()["state"], made.json()["amount"]) == (201, "quoted", "750.00")
    assert ask("orders/", WISH | {"uid": uid, "is_urgent": True}).json() == made.json()
    for other in ({}, {"is_urgent": True, "items": [STUDY | {"series": "2.25.1.1"}]}):
        taken = ask("orders/", WISH | {"uid": uid} | other)
        assert (taken.status_code, taken.json()["code"]) == (409, "other_order")
    assert made.json()["items"] == [{"study": "2.25.1", "series": "", "image": ""}]
    of_it = f"orders/{uid}/"
    for _again in range(2):
        assert ask(f"{of_it}request/", {}).json()["state"] == "requested"
    assert ask(f"{of_it}output/").status_code == 404
    assert ask(f"{of_it}messages/", {"text": "By noon"}).status_code == 201
    [message] = ask(f"{of_it}messages/").json()["messages"]
    assert (message["text"], message["is_from_center"]) == ("By noon", False)
    fulfil(only_order(), staff)
    whole = ask(f"{of_it}output/", accept="application/zip")
    content = b"".join(whole.streaming_content)
    with ZipFile(io.BytesIO(content)) as archive:
        assert len(archive.namelist()) == 4
    rest = ask(f"{of_it}output/", range="bytes=100-", if_range=whole["ETag"])
    assert (rest.status_code, b"".join(rest.streaming_content)) == (206, content[100:])
    for _again in range(2):
        assert ask(f"{of_it}confirm/", {}).json()["state"] == "completed"
    steps = [each["state"] for each in ask(of_it).json()["steps"]]
    assert steps == ["quoted", "requested", "accepted", "producing", "ready", "dispatched", "completed"]
    with as_center():
        acts = Event.objects.filter(object_type="order", actor_kind="token")
        assert {event.action for event in acts} >= {"order.quoted", "order.requested", "order.downloaded"}


def test_kinds_say_what_can_be_chosen(ask: Ask) -> None:
    kinds = {each["kind"]: each for each in ask("order-kinds/").json()["kinds"]}
    options = {each["name"]: each for each in kinds["share"]["options"]}
    days = options["days"]
    assert [days[each] for each in ("type", "min", "max", "initial", "is_required")] == ["integer", 1, 90, 14, True]
    assert options["receiver"]["choices"] == {"patient": "The patient", "facility": "Another facility"}
    assert (options["contact"]["type"], kinds["download"]["is_fetched"]) == ("email", True)


def test_a_link_is_made_told_about_and_ended(ask: Ask, staff: User, client: Client) -> None:
    wish = WISH | {"kind": "share", "options": {"days": 30, "contact": "vogt@clinic.example", "to_name": "Dr. Vogt"}}
    order = ask("orders/", wish).json()
    assert order["options"] == {"receiver": "patient", "days": 30, "downloads": 5}
    assert "Vogt" not in str(order)
    link = f"orders/{order['uid']}/share-link/"
    ask(f"orders/{order['uid']}/request/", {})
    assert (ask(link, {}).status_code, ask(link, {}).json()["code"]) == (409, "nothing_offered")
    fulfil(only_order(), staff)
    made = ask(link, {})
    told = made.json()
    assert (made.status_code, told["asks_birth_date"], told["is_mailed"]) == (201, True, True)
    assert told["code"] in str(mail.outbox[0].body)
    assert [len(group) for group in told["code"].split()] == [4, 4]
    entering = {"token": told["address"].partition("#")[2], "birth_date": "1980-02-29", "code": told["code"]}
    assert client.post("/s/", entering).status_code == 302
    seen = ask(link).json()
    assert (seen["is_open"], seen["is_locked"], seen["downloads_left"]) == (True, False, 5)
    assert [(each["what"], each["network"]) for each in seen["visits"]] == [
        ("opened", "127.0.0.0/24"), ("made", "127.0.0.0/24"),
    ]  # fmt: skip
    for _again in range(2):
        assert ask(link, method="delete").status_code == 204
    assert ask(link).json()["is_open"] is False
    assert client.post("/s/", entering).status_code == 403


def test_what_is_wrong_is_told(ask: Ask) -> None:
    wrongs: list[tuple[str, dict[str, Any]]] = [
        ("kind", {"kind": "statue"}), ("uid", {"uid": "1"}), ("items", {"items": []}), ("items", {"items": "all"}),
        ("items", {"items": [{"series": "1"}]}), ("items", {"items": [{"study": "1", "image": "1.1"}]}),
        ("items", {"items": [STUDY] * 501}), ("items", {"items": [{"study": "a\0"}]}), ("options", {"options": []}),
        ("options", {"options": {"colour": "red"}}), ("options", {"kind": "share", "options": {"days": 91}}),
        ("options", {"kind": "share", "options": {"days": [1]}}),
        ("options", {"kind": "share", "options": {"to_name": "\ud800"}}),
    ]  # fmt: skip
    for told, wrong in wrongs:
        answer = ask("orders/", WISH | wrong)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), wrong
        assert told in answer.json()["errors"]
    with as_center():
        assert not Order.objects.exists()


def test_facts_refuse_with_their_codes_and_leave_nothing_half_done(ask: Ask, clinic: Facility, staff: User) -> None:
    store(clinic, dicom(2))
    both = ask("orders/", {"kind": "share", "items": [STUDY, {"study": "2.25.2"}]})
    assert (both.status_code, both.json()["errors"]["options"][0][:12]) == (400, "A share link")
    unknown = ask("orders/", WISH | {"items": [{"study": "9.9"}]})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "nothing_chosen")
    order = ask("orders/", WISH).json()
    of_it = f"orders/{order['uid']}/"
    assert ask(f"{of_it}confirm/", {}).json()["code"] == "illegal_transition"
    with as_center():
        suspend(only_order().version.contract, actor=SYSTEM, now=now())
    assert ask(f"{of_it}request/", {}).json()["code"] == "contract_suspended"
    assert ask(of_it).json()["state"] == "quoted"
    assert ask(f"{of_it}request/", {"emergency": "tonight"}).json()["emergency"] == "tonight"
    for _again in range(2):
        assert ask(f"{of_it}cancel/", {"reason": "by telephone"}).json()["state"] == "cancelled"
    assert ask(f"{of_it}request/", {}).status_code == 409


def test_orders_of_others_are_unknown_and_pages_follow_a_cursor(
    ask: Ask, clinic: Facility, lindenhof: Facility, staff: User
) -> None:
    store(lindenhof, dicom())
    may_order(lindenhof)
    foreign = dispatched(lindenhof, staff)
    for path in ("", "output/", "share-link/", "messages/"):
        assert ask(f"orders/{foreign.uid}/{path}").status_code == 404
    for path in ("request/", "cancel/", "confirm/", "share-link/"):
        assert ask(f"orders/{foreign.uid}/{path}", {}).status_code == 404
    assert fresh(foreign).state == "dispatched"
    uids = [ask("orders/", WISH).json()["uid"] for _ in range(22)]
    first = ask("orders/?limit=20").json()
    second = ask(f"orders/?cursor={first['next']}").json()
    assert [each["uid"] for each in (*first["orders"], *second["orders"])] == uids[::-1]
    assert second["next"] is None
    assert ask("orders/?cursor=x").status_code == 400


def test_a_restore_needs_no_items_and_goes_to_a_node_of_the_facilitys_own(
    ask: Ask, clinic: Facility, lindenhof: Facility
) -> None:
    own, theirs = node(clinic, "ours"), node(lindenhof)
    kinds = {kind["kind"]: kind for kind in ask("order-kinds/").json()["kinds"]}
    assert (kinds["restore"]["needs_items"], kinds["download"]["needs_items"]) == (False, True)
    [option] = kinds["transfer"]["options"]
    assert option["choices"] == {str(own.pk): "ours"}
    wish = {"kind": "restore", "options": {"to": f"node-{own.pk}"}}
    assert ask("orders/", wish).json()["options"]["to"] == "ours"
    assert ask("orders/", wish | {"options": {"to": f"node-{theirs.pk}"}}).json()["status"] == 400
    assert ask("orders/", wish | {"kind": "transfer", "options": {}}).json()["status"] == 400


def test_a_transfer_says_where_to_where_there_are_several_nodes(ask: Ask, clinic: Facility) -> None:
    wish = WISH | {"kind": "transfer"}
    first = node(clinic, "first")
    assert ask("orders/", wish).json()["options"]["node_name"] == "first"
    node(clinic, "another")
    for path in ("orders/", "order-estimates/"):
        told = ask(path, wish)
        assert (told.status_code, told.json()["errors"]["options"][0][:14]) == (400, "Receiving node")
    assert ask("orders/", wish | {"options": {"node": first.pk}}).json()["options"]["node"] == first.pk


def test_the_password_of_a_medium_is_read_while_it_is_on_its_way(ask: Ask, clinic: Facility, staff: User) -> None:
    order = ask("orders/", WISH | {"kind": "medium", "options": {"is_protected": True}}).json()
    path = f"orders/{order['uid']}/password/"
    ask(f"orders/{order['uid']}/request/", {})
    assert (ask(path, {}).status_code, ask(path, {}).json()["code"]) == (409, "no_password")
    fulfil(only_order(), staff)
    told = ask(path, {})
    assert (told.status_code, told["Cache-Control"], len(told.json()["password"])) == (200, "no-store", 23)
    with as_center():
        assert Event.objects.filter(action="order.password_read", facility_id=clinic.pk).count() == 1
    ask(f"orders/{order['uid']}/confirm/", {})
    assert ask(path, {}).status_code == 409


def test_the_description_for_programs_knows_orders(client: Client) -> None:
    schema = client.get("/api/v1/schema/?format=json").json()
    path = schema["paths"]["/api/v1/f/{facility_slug}/orders/"]
    assert path["post"]["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/Order")
    fields = schema["components"]["schemas"]["Order"]["properties"]
    assert {"uid", "state", "lines", "items", "steps", "offered_until"} <= set(fields)
