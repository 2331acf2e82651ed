"""The workplace: whose queues a person sees, the search over everything, saved filters, conflicts, images, failures."""

import html
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pydicom.data
import pytest
from celery import shared_task
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.db.utils import ProgrammingError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver
from django.utils import timezone
from django.utils.formats import date_format

from apps.accounts.models import SavedFilter
from apps.audit.failures import note_failure, note_success
from apps.audit.models import Event, FailedTask
from apps.catalog.image_access import LASTS
from apps.catalog.models import Conflict, ImageAccess, Instance, Study
from apps.collection.models import CollectionRequest, Method, Outcome, QuarantineDecision, ReceivedFile, Terminal
from apps.contracts.models import Contract
from apps.core.errors import DomainError
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from apps.notifications.models import Notification
from apps.retention.winding_up import close_due, remaining_of
from apps.vault.models import Pack
from medvault.workplace.queues import FIRST
from tests.billing.stories import invoice_of
from tests.core import test_admin
from tests.core.test_admin import CT, CUT, MR, OTHER_BYTES, person_of, receive
from tests.orders.stories import may_order, requested

pytestmark = pytest.mark.django_db
workplace, staff, superuser = test_admin.workplace, test_admin.staff, test_admin.superuser
INDEX = "/admin/"
STARTS = {
    "administrator": ["administration", "visits", "reception", "output", "records", "billing"],
    "operator": ["visits", "output"],
    "reception": ["reception"],
    "output": ["output"],
    "archivist": ["reception", "records"],
    "billing": ["billing"],
}
COLOUR = Path(str(pydicom.data.get_testdata_file("examples_rgb_color.dcm")))
PATIENT = "Mori^Hanako"


def events(action: str) -> list[Event]:
    with as_center():
        return list(Event.objects.filter(action=action).order_by("id"))


def conflict_in(facility: Facility) -> Conflict:
    receive(facility, CT, OTHER_BYTES)
    with as_center():
        return Conflict.objects.select_related("study").get()


@pytest.mark.parametrize("group", STARTS)
def test_everybody_starts_with_the_queues_of_their_work_and_no_others(
    group: str, staff: Callable[[str], Client]
) -> None:
    client = staff(group)
    page = client.get(INDEX)
    assert [start.key for start in page.context["starts"]] == STARTS[group]
    assert page.context["start"].key == STARTS[group][0]
    for start in STARTS["administrator"]:
        shown = client.get(INDEX, {"work": start}).context["start"]
        assert (shown.key if shown else None) == (start if start in STARTS[group] else None)


def test_who_has_two_roles_sees_the_queues_of_both_and_who_has_none_sees_none(
    staff: Callable[[str], Client], signed_in: Callable[..., Client]
) -> None:
    client = staff("billing")
    person_of(client).groups.add(Group.objects.get(name="reception"))
    assert [start.key for start in client.get(INDEX).context["starts"]] == ["reception", "billing"]
    newcomer = signed_in("new@center.example", is_staff=True).get(INDEX)
    assert newcomer.context["starts"] == []
    assert "queues" not in newcomer.context


def fill(facility: Facility, number: int) -> None:
    """Something for every queue but those of print jobs and deliveries."""
    now = timezone.now()
    made = b"1.3.6.1.4.1.596%d" % number
    receive(facility, CT.replace(b"1.3.6.1.4.1.5962", made), OTHER_BYTES.replace(b"1.3.6.1.4.1.5962", made),
            CT[: -1000 - number])  # fmt: skip
    requested(facility)
    for state in ("parked", "draft", "overdue"):
        unnumbered: dict[str, Any] = {"number": "", "finalized_at": None, "issued_on": None, "due_on": None}
        invoice_of(facility, state=state, **({} if state == "overdue" else unnumbered))
    with as_center():
        terminal = Terminal.objects.create(facility=facility, name=f"X-ray {number}")
        CollectionRequest.objects.create(facility=facility, terminal=terminal, reason="disk", requested_at=now)
        Pack.objects.update(replicated_at=None, created_at=now - timedelta(days=400))
        note_failure("apps.vault.tasks.verify_pack", [number], {}, ValueError(PATIENT), now=now)


def test_a_start_page_takes_as_many_queries_for_many_rows_as_for_few(
    superuser: Client, sakura: Facility, lindenhof: Facility
) -> None:
    def found() -> dict[str, tuple[int, dict[str, str]]]:
        cache.delete_many(["workplace-badges", "workplace-visits-en"])
        pages = {}
        for start in STARTS["administrator"]:
            with CaptureQueriesContext(connection) as captured:
                page = superuser.get(INDEX, {"work": start})
            pages[start] = len(captured), {queue.key: queue.count for queue in page.context["queues"]}
        return pages

    for facility in (sakura, lindenhof):
        may_order(facility)
    fill(sakura, 1)
    found()
    few = found()
    for number in (2, 3, 4):
        fill(lindenhof, number)
    many = found()
    for start, (queries, counts) in many.items():
        full = [key for key, count in counts.items() if int(count) >= FIRST]  # such are counted
        assert queries <= few[start][0] + len(full), start
    assert max(queries for queries, _counts in many.values()) < 45
    counts = {key: count for _queries, queues in many.values() for key, count in queues.items()}
    assert counts | {"unread": "8", "uncopied": "8"} == counts
    for key in ("requests", "conflicts", "quarantine", "failed-tasks", "orders", "parked", "drafts", "overdue"):
        assert counts[key] == "4", key
    for key in ("uploads", "messages", "printers", "deliveries", "dispositions", "corrections", "holds", "disputes"):
        assert counts[key] == "0", key
    calm = superuser.get(INDEX, {"work": "output"}).content.decode()
    assert "Every printer is ready, and nothing has stopped." in calm
    menu = {item["title"]: item["badge"] for group in superuser.get(INDEX).context["sidebar_navigation"]
            for item in group["items"] if item.get("badge")}  # fmt: skip
    assert menu["Conflicts"] == "4"
    assert menu["Failed tasks"] == "4"
    assert "Holds" not in menu


def test_an_act_of_a_queue_leads_back_to_the_queue(staff: Callable[[str], Client], sakura: Facility) -> None:
    receive(sakura, CT)
    may_order(sakura)
    order = requested(sakura)
    client = staff("output")
    queue = client.get(INDEX)
    (act,) = queue.context["queues"][0].rows[0].acts
    assert act.href == f"/admin/orders/order/{order.pk}/accept/"
    asked = {"HX-Request": "true", "HX-Current-URL": "http://testserver/admin/?work=output"}
    assert client.post(act.href, {"_form_submitted": "True"}, headers=asked)["HX-Redirect"] == "/admin/?work=output"
    assert "Produce" in client.get(INDEX).content.decode()


def test_anything_is_found_by_what_people_have_in_hand(
    staff: Callable[[str], Client], signed_in: Callable[..., Client], sakura: Facility
) -> None:
    collection = receive(sakura, CT)
    invoice = invoice_of(sakura)
    with as_center():
        Terminal.objects.create(facility=sakura, name="X-ray room", ae_title="XRAY")
        study = Study.objects.get()
    client, newcomer = staff("operator"), signed_in("new@center.example", is_staff=True)

    def found(term: str, person: Client = client) -> list[str]:
        page = person.post("/admin/find/", {"q": term}, follow=True)
        assert term.strip() not in page.request["QUERY_STRING"]
        return [str(hits.title) for hits in page.context["hits"] for _row in hits.rows]

    assert found("sakura cl") == ["Facilities"]
    assert found("1CT1") == ["Patients"]
    assert found("compressed") == ["Patients"]
    assert found("ct1 comp") == ["Patients"]
    assert found(" 1CT1 ") == ["Patients"]
    assert found(study.study_instance_uid) == ["Studies"]
    assert found(invoice.number) == ["Invoices"]
    assert found("x-ray") == found("xray") == ["Terminals"]
    assert found(str(collection.uid)) == found(f"#{collection.pk}") == ["Collections"]
    assert found("nobody") == found("O-0") == found("%") == found("9" * 40) == []
    assert found("1CT1", newcomer) == []
    assert len(events("patient.listed")) == 4
    assert client.get("/admin/search/", {"s": PATIENT})["Location"] == "/admin/find/"


def test_filters_are_saved_for_oneself_and_without_what_was_searched_for(staff: Callable[[str], Client]) -> None:
    client, other = staff("archivist"), staff("operator")
    page = "/admin/catalog/conflict/"
    saving = {"list": "catalog_conflict_changelist", "name": " Open  ones ", "query": "resolved=no&q=secret&p=2"}
    for _again in range(2):
        assert client.post("/admin/filters/", saving)["Location"] == f"{page}?resolved=no"
    with as_center():
        (saved,) = SavedFilter.objects.all()
    assert (saved.name, saved.query) == ("Open ones", "resolved=no")
    assert 'href="?resolved=no"' in client.get(page).content.decode()
    assert "Open ones" not in client.get("/admin/catalog/hold/").content.decode()
    assert "Open ones" not in other.get(page).content.decode()
    for wrong in ({"list": "https://evil.example/_changelist"}, {"list": "index"}):
        assert client.post("/admin/filters/", saving | wrong).status_code == 404
    assert client.post("/admin/filters/", saving | {"query": "q=secret"})["Location"] == page
    assert other.post(f"/admin/filters/{saved.pk}/remove/").status_code == 404
    assert client.post(f"/admin/filters/{saved.pk}/remove/")["Location"] == page
    with as_center():
        assert not SavedFilter.objects.exists()


def test_no_two_addresses_share_a_name() -> None:
    models = [each for each in admin.site.get_urls() if isinstance(each, URLResolver)]
    names = Counter(each.name for model in models for each in model.url_patterns if isinstance(each, URLPattern))
    del names[None]
    assert [name for name, times in names.items() if times > 1] == []


def test_files_in_conflict_are_compared_and_decided_side_by_side(
    staff: Callable[[str], Client], sakura: Facility
) -> None:
    renamed = CT.replace(b"CompressedSamples^CT1", b"CompressedSamples^CT2")
    receive(sakura, CT, renamed)
    with as_center():
        conflict = Conflict.objects.get()
    client, page = staff("reception"), f"/admin/catalog/conflict/{conflict.pk}/side_by_side/"
    assert client.get(f"/admin/catalog/conflict/{conflict.pk}/compare/")["Location"] == page
    shown = client.get(page)
    assert [(line.name, line.second) for line in shown.context["comparison"].different] == [
        ("Patient's Name", "CompressedSamples^CT2")
    ]
    assert shown.context["comparison"].pixels == "same"
    content = shown.content.decode()
    assert bytes(conflict.sha256).hex() in content
    assert content.count("Brought medium") == 2
    assert ".jpg" not in content
    assert staff("billing").post(page, {"decision": "same"}).status_code == 403
    assert client.post(page, {"decision": "nonsense"}).status_code == 200
    decided = client.post(page, {"decision": "same", "reason": "Renamed"})
    assert decided["Location"] == f"/admin/catalog/conflict/{conflict.pk}/change/"
    (event,) = events("conflict.resolved")
    assert (event.facility_id, event.details) == (sakura.pk, {"kind": "other_bytes", "decision": "same"})
    with as_facility(sakura):
        assert Conflict.objects.get().reason == "Renamed"
    assert "Renamed" in client.get(page).content.decode()


def test_staff_see_images_by_exception_with_a_reason_for_a_while_and_the_facility_reads_it(
    staff: Callable[[str], Client], signed_in: Callable[..., Client], sakura: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    conflict = conflict_in(sakura)
    with as_center():
        instance = Instance.objects.get()
    study = conflict.study
    page, pictures = f"/admin/catalog/study/{study.pk}/images/", [
        f"/admin/catalog/study/images/{instance.pk}/view.jpg",
        f"/admin/catalog/study/conflicts/{conflict.pk}/view.jpg",
    ]  # fmt: skip
    client, other = staff("reception"), staff("archivist")
    assert client.get(page).status_code == 302
    assert [client.get(picture).status_code for picture in pictures] == [403, 403]
    opening = f"/admin/catalog/study/{study.pk}/open_images/"
    asked = {"_form_submitted": "True", "purpose": "facility", "reason": "Dr Mori asks why it is dark"}
    assert staff("billing").post(opening, asked).status_code == 403
    client.post(opening, asked | {"reason": "why  not"})
    assert events("study.opened_by_staff") == []
    assert client.post(opening, asked)["HX-Redirect"] == page
    shown = client.get(page, {"image": instance.pk})
    assert pictures[0] in shown.content.decode()
    for picture in pictures:
        answer = client.get(picture)
        assert answer["Content-Type"] == "image/jpeg"
        assert "no-store" in answer["Cache-Control"]
        assert other.get(picture).status_code == 403
    with as_facility(sakura):
        access = ImageAccess.objects.get()
        told = set(Event.objects.filter(action__endswith="_by_staff").values_list("action", "facility_id"))
        assert Notification.objects.get(kind=Kind.IMAGES_OPENED).path == "/f/sakura/accountability/access/"
    assert told == {("study.opened_by_staff", sakura.pk), ("study.viewed_by_staff", sakura.pk)}
    assert (access.person, access.reason) == (person_of(client), asked["reason"])
    assert asked["reason"] not in str([event.details for event in events("study.opened_by_staff")])
    owner = signed_in("owner@sakura.example", sakura=Role.OWNER)
    record = html.unescape(owner.get("/f/sakura/accountability/access/").content.decode())
    assert f"study #{study.pk} · The facility asked for help: {asked['reason']}" in record
    with pytest.raises(ProgrammingError, match="permission denied"), as_facility(sakura):
        ImageAccess.objects.update(reason="")
    later = timezone.now() + LASTS
    monkeypatch.setattr("apps.catalog.image_pages.database_now", lambda: later)
    assert client.get(pictures[0]).status_code == 403


def test_nobody_becomes_somebody_else(superuser: Client, sakura: Facility, person: Callable[..., Any]) -> None:
    owner = person("owner@sakura.example", sakura=Role.OWNER)
    content = superuser.get(f"/admin/accounts/user/{owner.pk}/change/").content.decode().lower()
    for word in ("impersonat", "hijack", "log in as", "become"):
        assert word not in content
    for way in ("hijack", "impersonate", "login", "become"):
        for path in (f"/admin/accounts/user/{owner.pk}/{way}/", f"/{way}/{owner.pk}/", f"/accounts/{way}/{owner.pk}/"):
            superuser.post(path, {"user_pk": owner.pk})
            assert superuser.session["_auth_user_id"] != str(owner.pk)
    assert superuser.get("/f/sakura/").status_code == 404


@shared_task
def failing(_key: int) -> None:
    if is_failing:
        raise ValueError(PATIENT)


@shared_task
def refused() -> None:
    raise DomainError("The vault is full")


is_failing = True


def test_what_fails_is_one_row_without_patient_data_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    import_module("medvault.tasks")  # as the worker does

    def rows() -> list[FailedTask]:
        with as_center():
            return list(FailedTask.objects.order_by("pk"))

    for key in (7, 7, 8):
        failing.apply((key,))
    failing.apply((PATIENT,))
    refused.apply()
    seven, eight, unknown, told = rows()
    assert (seven.times, seven.error, seven.message) == (2, "ValueError", "")
    assert told.message == "The vault is full"
    assert (unknown.is_repeatable, eight.arguments) == (False, {"args": [8], "kwargs": {}})
    assert PATIENT not in str([vars(row) for row in rows()])
    monkeypatch.setitem(globals(), "is_failing", False)
    failing.apply((7,))
    assert [row.resolved_at is None for row in rows()] == [False, True, True, True]
    monkeypatch.setitem(globals(), "is_failing", True)
    failing.apply((7,))
    assert len(rows()) == 5


def test_rows_of_failures_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr("apps.audit.failures.MOST_OPEN", 3)
    with as_center():
        for number in range(5):
            note_failure("apps.x.tasks.y", [number], {}, ValueError(), now=now + timedelta(seconds=number))
        assert [row.arguments["args"] for row in FailedTask.objects.order_by("pk")] == [[2], [3], [4]]
        note_success("apps.x.tasks.y", [2], {}, now=now)
        note_failure("apps.x.tasks.y", [9], {}, ValueError(), now=now + timedelta(days=31))
        assert FailedTask.objects.filter(arguments__args=[2]).count() == 0


def test_a_failed_task_is_done_again_by_administrators(
    staff: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("apps.vault.tasks.verify_pack.apply_async", lambda *given: asked.append(given))
    with as_center():
        for task in ("apps.vault.tasks.verify_pack", "os.remove"):
            note_failure(task, [5], {}, ValueError(), now=timezone.now())
        rows = list(FailedTask.objects.order_by("pk"))
    again = {"_form_submitted": "True"}
    assert staff("operator").post(f"/admin/audit/failedtask/{rows[0].pk}/repeat/", again).status_code == 403
    client = staff("administrator")
    for row in rows:
        client.post(f"/admin/audit/failedtask/{row.pk}/repeat/", again)
    assert asked == [([5], {})]
    assert [event.object_id for event in events("failed_task.repeated")] == [str(rows[0].pk)]


def test_what_cannot_succeed_any_more_is_settled_by_administrators_and_told_if_it_fails_again(
    staff: Callable[[str], Client],
) -> None:
    now = timezone.now()
    with as_center():
        note_failure("apps.x.tasks.y", [object()], {}, ValueError(), now=now)
        row = FailedTask.objects.get()
    address, given = f"/admin/audit/failedtask/{row.pk}/settle/", {"_form_submitted": "True"}
    assert staff("operator").post(address, given).status_code == 403
    client = staff("administrator")
    assert "It is settled" in client.get(INDEX).content.decode()
    client.post(address, given)
    assert "It is settled" not in client.get(INDEX).content.decode()
    assert [event.object_id for event in events("failed_task.settled")] == [str(row.pk)]
    with as_center():
        note_failure("apps.x.tasks.y", [object()], {}, ValueError(), now=now)
        assert FailedTask.objects.filter(resolved_at=None).count() == 1


def quarantined() -> ReceivedFile:
    with as_center():
        return ReceivedFile.objects.get(outcome=Outcome.QUARANTINED)


def test_a_quarantined_file_is_set_aside_once_and_no_longer_keeps_a_contract_open(
    staff: Callable[[str], Client], signed_in: Callable[..., Client], sakura: Facility
) -> None:
    receive(sakura, CUT)
    file, now = quarantined(), timezone.now()
    contract = may_order(sakura)
    with as_center():
        Contract.objects.filter(pk=contract.pk).update(state="terminating", ends_on=now.date(), notice_on=now.date())
    assert close_due(now=now) == 0
    with as_center(), pytest.raises(DatabaseError, match="is stored under this"), transaction.atomic():
        Contract.objects.update(state="ended")
    page = f"/admin/collection/receivedfile/{file.pk}/set_aside/"
    given = {"_form_submitted": "True", "basis": "sent_again", "reason": "It came again on a disc"}
    assert staff("operator").post(page, given).status_code == 403
    client = staff("reception")
    assert client.post(page, {"_form_submitted": "True", "basis": "", "reason": ""}).status_code == 200
    with as_center():
        assert not remaining_of(sakura.pk, now=now).is_nothing
    again = date_format(now.date() + timedelta(days=365), "SHORT_DATE_FORMAT")
    shown = [client.post(page, given, follow=True).content.decode() for _again in range(2)]
    assert f"it is to be decided on again on {again}" in shown[0]
    assert f"it is to be decided on again on {again}" not in shown[1]
    (event,) = events("file.decided")
    assert (event.facility_id, event.details["basis"]) == (sakura.pk, "sent_again")
    with as_center():
        assert remaining_of(sakura.pk, now=now).is_nothing
    assert close_due(now=now + timedelta(days=1)) == 1
    with as_center():
        assert Contract.objects.get().state == "ended"
        assert Pack.objects.count() == 1
    owner = signed_in("owner@sakura.example", sakura=Role.OWNER)
    read = owner.get(f"/f/sakura/collections/{file.collection_id}/").content.decode()
    assert "It came again on a disc" in read
    assert "the center decides again on" in read


def test_a_quarantined_file_is_filed_by_hand_under_a_study_and_its_facility_reads_why(
    staff: Callable[[str], Client], signed_in: Callable[..., Client], sakura: Facility
) -> None:
    receive(sakura, CT, CUT)
    file = quarantined()
    with as_center():
        study = Study.objects.get()
    page = f"/admin/collection/receivedfile/{file.pk}/file_by_hand/"
    given = {"_form_submitted": "True", "study_instance_uid": study.study_instance_uid, "reason": "By its number"}
    assert staff("operator").post(page, given).status_code == 403
    client = staff("reception")
    unknown = client.post(page, given | {"study_instance_uid": "1.2.3"}, follow=True).content.decode()
    assert "The facility has no study with this UID." in unknown
    client.post(page, given)
    with as_center():
        conflict = Conflict.objects.get()
    assert conflict.study_id == study.pk
    assert [event.details["act"] for event in events("file.decided")] == ["by_hand"]
    compared = f"/admin/catalog/conflict/{conflict.pk}/side_by_side/"
    assert client.get(compared).status_code == 404
    assert compared not in client.get(f"/admin/catalog/conflict/{conflict.pk}/change/").content.decode()
    owner = signed_in("owner@sakura.example", sakura=Role.OWNER)
    assert "By its number" in owner.get(f"/f/sakura/collections/{file.collection_id}/").content.decode()


def test_a_quarantined_file_is_read_again_as_it_was_received_and_filed_without_a_charge(
    staff: Callable[[str], Client], sakura: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.catalog.bounds import Unreadable
    from apps.collection import sorting

    def unreadable(_source: object) -> None:
        raise Unreadable("malformed", "Not understood yet")

    with monkeypatch.context() as before:
        before.setattr(sorting, "read_header", unreadable)
        receive(sakura, MR)
    file = quarantined()
    page, given = f"/admin/collection/receivedfile/{file.pk}/read_again/", {"_form_submitted": "True", "reason": "New"}
    client = staff("reception")
    with monkeypatch.context() as still:
        still.setattr(sorting, "read_header", unreadable)
        assert "can still not be read: Not understood yet" in client.post(page, given, follow=True).content.decode()
    client.post(page, given)
    with as_center():
        decision = QuarantineDecision.objects.select_related("filed_by").get()
        (instance,) = Instance.objects.select_related("pack")
        packs = Pack.objects.count()
    assert decision.filed_by
    assert (decision.filed_by.method, decision.filed_by.terminal) == (Method.REREAD, None)
    assert bytes(instance.sha256) == bytes(file.sha256)
    assert (instance.pack.kind, packs) == ("study", 2)
    left = client.get("/admin/collection/receivedfile/", {"decided": "no"}).context["cl"]
    assert left.result_count == 0
