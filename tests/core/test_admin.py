"""The center's workplace: who reads and changes what, that nothing is deleted, and what is put on record."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pydicom.data
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.failures import note_failure
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.billing.models import (
    BankTransaction,
    Charge,
    DunningNotice,
    InvoiceLine,
    Payment,
    PaymentAttempt,
    StorageDay,
    WebhookEvent,
)
from apps.catalog.holds import place_hold
from apps.catalog.image_access import open_images
from apps.catalog.models import AccessPurpose, Conflict, HoldKind, Patient, Study
from apps.collection.capacity import report_capacity
from apps.collection.enrolment import issue_code
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import (
    AnnouncedFile,
    Basis,
    Collection,
    Collector,
    CollectorFacility,
    Method,
    Outcome,
    ReceivedFile,
    Terminal,
    Upload,
)
from apps.collection.quarantine import set_aside
from apps.collection.receipts import issue_receipts
from apps.collection.reception import Reception
from apps.contracts.models import ContractVersion
from apps.contracts.signing import sign
from apps.core.admin import BoundedPaginator
from apps.dicomnet.models import Commitment, Source
from apps.facilities.models import DeviceToken, Facility, Invitation, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from apps.notifications.models import Letter, Notification, Webhook, WebhookDelivery
from apps.orders.models import Printer
from apps.retention.assessing import assess_pending
from apps.retention.models import CareEvent, Correction, DeletionPolicy, Disposition, Extension
from apps.vault.models import Finding, Pack
from apps.vault.places import place
from apps.vault.spool import Batch
from tests.billing.papers import billed_by
from tests.billing.stories import invoice_of
from tests.contracts.stories import drafted
from tests.orders.sent import node
from tests.orders.stories import requested

pytestmark = pytest.mark.django_db
CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm"))).read_bytes()
MR = Path(str(pydicom.data.get_testdata_file("MR_small.dcm"))).read_bytes()
CUT = CT[:-2000]
OTHER_BYTES = CT[:-2] + b"\x01\x01"
MODELS = list(admin.site._registry)
CONTRACTS: dict[str, tuple[str, ...]] = {
    "tiers.tier": ("add", "change"),
    "tiers.tierversion": ("add", "change"),
    "tiers.pricelist": ("add",),
    "contracts.contract": ("add",),
}
PAYMENTS = ("payment", "paymentattempt", "banktransaction", "webhookevent")
CHANGES: dict[str, dict[str, tuple[str, ...]]] = {
    "administrator": {
        "accounts.user": ("add", "change"),
        "audit.failedtask": ("change",),
        "facilities.facility": ("add", "change"),
        "facilities.devicetoken": ("change",),
        "collection.terminal": ("add", "change"),
        "collection.collector": ("add", "change"),
        "dicomnet.source": ("add", "change"),
        "catalog.hold": ("change",),
        "orders.node": ("add", "change"),
        "orders.order": ("change",),
        "orders.printer": ("add", "change"),
        "retention.rule": ("add",),
        "retention.deletionpolicy": ("add",),
        "retention.correction": ("change",),
        "retention.disposition": ("change",),
        **CONTRACTS,
        "billing.issuer": ("add", "change"),
        "billing.billingaccount": ("add", "change"),
        "billing.invoice": ("change",),
    },
    "operator": {
        "collection.terminal": ("add", "change"),
        "dicomnet.source": ("add", "change"),
        "orders.node": ("add", "change"),
        "orders.order": ("change",),
        "orders.printer": ("add", "change"),
    },
    "archivist": {
        "catalog.conflict": ("change",),
        "catalog.hold": ("change",),
        "retention.rule": ("add",),
        "retention.correction": ("change",),
        "retention.disposition": ("change",),
    },
    "billing": {
        **CONTRACTS,
        "billing.issuer": ("add", "change"),
        "billing.billingaccount": ("add", "change"),
        **{f"billing.{name}": ("change",) for name in ("invoice", *PAYMENTS)},
    },
}
FORMS = {
    "accounts.user", "facilities.facility", "collection.terminal", "collection.collector", "dicomnet.source",
    "orders.node", "orders.printer", "tiers.tier", "tiers.tierversion", "billing.issuer", "billing.billingaccount",
}  # fmt: skip
# Tables of the machine: sessions' contents, keys of pending confirmations, Django's own log, which is not kept.
WITHOUT_PAGES = {
    "account.EmailConfirmation",
    "api.KeptAnswer",  # sealed
    "admin.LogEntry",
    "auth.Permission",
    "accounts.SavedFilter",  # on the list that it narrows down
    "tiers.Price",  # on the page of its list
    *("billing.Counter", "billing.Halt"),  # the second on the page of the run
    *("billing.InvoiceLine", "billing.StorageEntry"),  # on the page of its invoice; summed up by the day
    *("catalog.NamePart", "catalog.SavedSearch"),  # a person's own
    "catalog.StudyChange",  # programs read it
    "collection.CollectorFacility",
    "collection.ReceiptMail",
    "contenttypes.ContentType",
    *("evidence.Holdings", "evidence.Checkpoint", "evidence.Report"),  # the facility's to read
    *(  # on the page of the order
        f"orders.{name}"
        for name in (
            *("OrderItem", "OrderAddress", "OrderPassword", "QuoteLine", "Step", "Message", "Output"),
            *("PrintJob", "ShareLink", "ShareOpening", "Delivery", "Answer", "Fault", "Arrival"),
        )
    ),
    *(f"notifications.{name}" for name in ("Entry", "Preference", "ReadingHours")),  # people's own
    "retention.Unassessed",
    "sessions.Session",
}


@pytest.fixture(autouse=True)
def workplace(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No collected static files and no second factor, except where a test is about them; nothing kept of others."""
    cache.delete_many(["workplace-badges", "workplace-visits-en"])
    monkeypatch.setattr("medvault.workplace.badges.KEPT_S", 3600)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def staff(signed_in: Callable[..., Client]) -> Callable[[str], Client]:
    """A signed-in member of staff in one of the groups."""

    def make(name: str) -> Client:
        client = signed_in(f"{name}@center.example", is_staff=True)
        person_of(client).groups.add(Group.objects.get(name=name))
        return client

    return make


@pytest.fixture
def superuser(person: Callable[..., User]) -> Client:
    user = person("root@center.example", is_staff=True)
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def person_of(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def receive(facility: Facility, *contents: bytes) -> Collection:
    now = timezone.now()
    reception = Reception(method=Method.MEDIA, actor=SYSTEM, operator="A. Operator", medium_serial="CD-1")
    with Batch(facility.pk) as batch:
        intake = Intake(batch)
        for number, content in enumerate(contents):
            intake.add([content], f"{number}.dcm")
        return store_batch(
            new_collection(facility, reception, now=now), reception, intake, now=now, is_last=True
        ).collection


@pytest.fixture
def world(sakura: Facility, person: Callable[..., User]) -> dict[type[Model], Any]:
    """One row at least of every model that has pages."""
    owner = person("owner@sakura.example", sakura=Role.OWNER)
    issue_token(sakura, label="Storage terminal", scopes=[Scope.STORE], actor=SYSTEM)
    receive(sakura, CT, CUT, OTHER_BYTES, MR)
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    Authenticator.objects.create(user=owner, type="totp", data={"secret": "the-totp-secret"})
    UserSession.objects.create(
        user=owner, ip="192.0.2.1", session_key="the-session-key", user_agent="Browser", last_seen_at=timezone.now()
    )
    with as_center():
        Invitation.objects.create(
            facility=sakura, email="new@sakura.example", role=Role.MEMBER, secret_sha256=b"s" * 32, invited_by=owner,
            expires_at=timezone.now(),
        )  # fmt: skip
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room")
        collector = Collector.objects.create(name="Bag 1")
        CollectorFacility.objects.create(facility=sakura, collector=collector)
        collection = Collection.objects.select_related("facility", "terminal").get()
    with as_facility(sakura):
        now = timezone.now()
        Upload.objects.create(
            facility=sakura, collection_uid=uuid4(), sealed_sha256=bytes(32), length_bytes=1, created_at=timezone.now(),
            expires_at=timezone.now(), device_token=DeviceToken.objects.get(),
        )  # fmt: skip
        report_capacity(
            terminal, measured_at=now, used_bytes=99, total_bytes=100, waiting_sets=1, waiting_bytes=1,
            unmarked_sets=0, now=now,
        )  # fmt: skip
        AnnouncedFile.objects.create(facility=sakura, collection=collection, source_name="1.dcm", length_bytes=1)
        issue_receipts(collection, now=now)
        Commitment.objects.create(
            facility=sakura, terminal=terminal, transaction_uid="1.2", requested_at=now, references=[["1.2", "1.3"]]
        )
    end_of_storage(owner)
    money(sakura)
    requested(sakura)
    node(sakura)
    billed_by("JP", sakura)
    ledger(sakura)
    with as_center():
        first = ContractVersion.objects.get()
        sign(first, name="H. Mori", by=owner, source_address=None, actor=SYSTEM, now=now)
    issue_code(terminal, actor=SYSTEM, now=now)
    with as_center():
        Source.objects.create(facility=sakura, terminal=terminal, via="get")
        Printer.objects.create(
            name="Imager", ae_title="IMAGER", address="127.0.0.1", film_sizes=["A4"], medium_types=["PAPER"]
        )
        pack = Pack.objects.order_by("pk")[0]
        Finding.objects.create(
            facility=sakura, pack=pack, pack_name=pack.name, place="primary", damage="missing", found_at=now
        )
        open_images(
            Study.objects.order_by("pk")[0], purpose=AccessPurpose.DAMAGE, reason="It is said to be dark", by=owner,
            actor=SYSTEM, now=now,
        )  # fmt: skip
        file = ReceivedFile.objects.get(outcome=Outcome.QUARANTINED)
        set_aside(file, basis=Basis.SENT_AGAIN, reason="It came again", review_on=now.date(), by=owner,
                  actor=SYSTEM, now=now)  # fmt: skip
        note_failure("apps.vault.tasks.verify_pack", [1], {}, ValueError("patient Mori"), now=now)
        webhook = Webhook.objects.create(
            facility=sakura, label="Archive", url="https://hooks.example/", sealed_secret=b"the-sealed-secret",
            created_at=now,
        )  # fmt: skip
        WebhookDelivery.objects.create(facility=sakura, webhook=webhook, kind="x", body="{}", created_at=now)
        Letter.objects.create(notification=Notification.objects.order_by("pk")[0], user=owner)
        rows = {model: model._default_manager.order_by("pk").first() for model in MODELS}
    assert all(rows.values()), rows
    return rows


def money(facility: Facility) -> None:
    """What came for an invoice, by bank and by card, and what was told of it."""
    invoice, now = invoice_of(facility), timezone.now()
    of_invoice: dict[str, Any] = {"facility": facility, "invoice": invoice}
    with as_center():
        number = BankTransaction.objects.count()
        transfer = BankTransaction.objects.create(
            account="1", reference=f"{number}", booked_on=now.date(), amount=1, currency="JPY", imported_at=now
        )
        Payment.objects.create(
            **of_invoice, method="transfer", amount=1, currency="JPY", paid_on=now.date(), reference=f"{number}",
            recorded_at=now, bank_transaction=transfer,
        )  # fmt: skip
        PaymentAttempt.objects.create(**of_invoice, amount=1, begun_at=now)
        DunningNotice.objects.create(**of_invoice, step=1, sent_at=now)
        WebhookEvent.objects.create(stripe_id=f"evt_{number}", kind="x", object_id="x", received_at=now)


def ledger(facility: Facility) -> None:
    """A draft with a line and a charge, and a day of storage."""
    now = timezone.now()
    unnumbered: dict[str, Any] = {"number": "", "finalized_at": None, "issued_on": None}
    draft = invoice_of(facility, due_on=None, state="draft", **unnumbered)
    of_invoice: dict[str, Any] = {"facility": facility, "invoice": draft, "quantity": 1, "unit_price": 1}
    with as_center():
        line = InvoiceLine.objects.create(
            **of_invoice, position=1, item="visit", description="Visit", net=1, tax_category="S", tax_rate=10
        )
        Charge.objects.create(
            **of_invoice, line=line, version=draft.contract.versions.get(), source="base", source_key=f"{draft.pk}",
            item="visit", supplied_on=draft.period, amount=1, currency="JPY", created_at=now,
        )  # fmt: skip
        StorageDay.objects.create(facility=facility, day=draft.period, ends_at=now, stored_bytes=1, studies=1)


def end_of_storage(person: User) -> None:
    """Everything about the storage period of the latest study, and of what its facility said and agreed on."""
    now, day = timezone.now(), timezone.now().date()
    assess_pending()
    with as_center():
        study = Study.objects.latest("pk")
        of_study: dict[str, Any] = {"facility_id": study.facility_id, "study": study}
        place_hold(study, kind=HoldKind.CLINICAL, reason="a course of treatment", actor=SYSTEM, now=now)
        Correction.objects.create(**of_study, until=day, reason="typing error", proposed_at=now, proposed_by=person)
        Extension.objects.create(**of_study, period="P1Y", until=day, extended_at=now)
        Disposition.objects.create(
            **of_study, study_instance_uid=study.study_instance_uid, kept_until=day, created_at=now
        )
        CareEvent.objects.create(
            facility_id=study.facility_id, patient=study.patient, kind="discharge", reported_at=now,
            happened_on=day - timedelta(days=CareEvent.objects.count()),
        )  # fmt: skip
        DeletionPolicy.objects.create(facility_id=study.facility_id, agreed_at=now)


def address(row: Model | type[Model], page: str) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}"
    return reverse(name, args=[row.pk] if isinstance(row, Model) and page not in {"changelist", "add"} else [])


def events(action: str) -> list[Event]:
    with as_center():
        return list(Event.objects.filter(action=action).order_by("id"))


def test_every_model_has_pages_or_a_reason_not_to() -> None:
    without = {model._meta.label for model in apps.get_models()} - {model._meta.label for model in MODELS}
    assert without == WITHOUT_PAGES


@pytest.mark.parametrize("group", CHANGES)
def test_every_group_reads_everything_and_changes_its_own(
    group: str, staff: Callable[[str], Client], world: dict[type[Model], Any]
) -> None:
    client = staff(group)
    assert client.get(reverse("admin:index")).status_code == 200
    for model, row in world.items():
        label = model._meta.label_lower
        verbs = CHANGES[group].get(label, ())
        assert client.get(address(model, "changelist")).status_code == 200, label
        page = client.get(address(row, "change"))
        assert page.status_code == 200, label
        is_form = "change" in verbs and label in FORMS
        assert (b'name="_save"' in page.content) is is_form, label
        assert client.get(address(model, "add")).status_code == (200 if "add" in verbs else 403), label
        if not is_form:
            assert client.post(address(row, "change"), {}).status_code == 403, label


def test_nobody_deletes_anything(superuser: Client, world: dict[type[Model], Any]) -> None:
    for model, row in world.items():
        for answer in (
            superuser.get(address(row, "delete")),
            superuser.post(address(row, "delete"), {"post": "yes"}),
        ):
            assert answer.status_code == 403, model
        superuser.post(address(model, "changelist"), {"action": "delete_selected", "_selected_action": [row.pk]})
        assert b"delete_selected" not in superuser.get(address(model, "changelist")).content
        with as_center():
            assert model._default_manager.filter(pk=row.pk).exists()


def test_strangers_get_nowhere(world: dict[type[Model], Any], signed_in: Callable[..., Client], client: Client) -> None:
    member = signed_in("member@sakura.example", sakura=Role.OWNER)
    for model, row in world.items():
        for page in (address(model, "changelist"), address(row, "change"), reverse("admin:index")):
            for stranger in (client, member):
                answer = stranger.get(page)
                assert answer.status_code == 302, page
                assert answer["Location"].startswith(reverse("admin:login")), page


def test_staff_without_a_second_factor_stay_outside(staff: Callable[[str], Client], settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = True
    assert staff("operator").get(reverse("admin:index")).status_code == 302


def test_pages_hold_no_secrets(superuser: Client, world: dict[type[Model], Any]) -> None:
    secrets = [
        "the-totp-secret",
        "the-session-key",
        bytes(world[DeviceToken].token_sha256).hex(),
        bytes(world[Invitation].secret_sha256).hex(),
        bytes(world[Terminal].code_sha256).hex(),
        "ssss",
        "the-sealed-secret",
        b"the-sealed-secret".hex(),
        world[User].password,
        world[User].password.split("$")[-1],
    ]
    for model, row in world.items():
        for page in (address(model, "changelist"), address(row, "change")):
            content = superuser.get(page).content.decode()
            assert not [secret for secret in secrets if secret in content], page


@pytest.mark.parametrize(
    "address_of_a_guess",
    [
        "usersessions/usersession/?session_key__startswith=t",
        "mfa/authenticator/?data__secret__startswith=t",
        "accounts/user/?password__startswith=m",
        "facilities/devicetoken/?token_sha256__startswith=0",
        "catalog/patient/?name_alphabetic__istartswith=m",
        "catalog/study/?patient__patient_id=P1",
    ],
)
def test_lists_cannot_be_asked_about_what_they_do_not_show(superuser: Client, address_of_a_guess: str) -> None:
    assert superuser.get(f"/admin/{address_of_a_guess}").status_code == 400


@pytest.mark.usefixtures("no_badges")
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    superuser: Client, world: dict[type[Model], Any], lindenhof: Facility, person: Callable[..., User]
) -> None:
    def queries() -> dict[str, int]:
        found = {}
        for model in MODELS:
            with CaptureQueriesContext(connection) as captured:
                assert superuser.get(address(model, "changelist")).status_code == 200
            found[model._meta.label] = len(captured)
        return found

    queries()
    few = queries()
    for number in range(4):
        receive(lindenhof, CT.replace(b"1.3.6.1.4.1.5962", b"1.3.6.1.4.1.596%d" % number), CT[: -1000 - number])
        end_of_storage(world[User])
        money(lindenhof)
        ledger(lindenhof)
        drafted(lindenhof, timezone.now().date())
        one = person(f"{number}@lindenhof.example", lindenhof=Role.VIEWER)
        issue_token(lindenhof, label="Terminal", scopes=[Scope.READ], actor=SYSTEM)
        EmailAddress.objects.create(user=one, email=one.email)
        Authenticator.objects.create(user=one, type="totp", data={})
        UserSession.objects.create(user=one, ip="192.0.2.1", session_key=f"k{number}", user_agent="B")
    assert queries() == few


def test_a_quarantined_file_is_downloaded_as_it_was_received(staff: Callable[[str], Client], sakura: Facility) -> None:
    receive(sakura, CT, CUT)
    with as_center():
        file = ReceivedFile.objects.get(outcome=Outcome.QUARANTINED)
    assert staff("operator").get(f"/admin/collection/receivedfile/{file.pk}/download/").status_code == 403
    client = staff("reception")
    listed = client.get(address(ReceivedFile, "changelist"), {"outcome__exact": "quarantined"}).content.decode()
    assert file.reason in listed
    assert bytes(file.sha256).hex()[:12] in listed
    answer = client.get(f"/admin/collection/receivedfile/{file.pk}/download/")
    assert answer.streaming
    assert answer.getvalue() == CUT
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert int(answer["Content-Length"]) == len(CUT)
    (event,) = events("file.downloaded")
    assert (event.actor_id, event.object_id, event.facility_id) == (
        str(person_of(client).pk), str(file.pk), sakura.pk,
    )  # fmt: skip


def test_a_file_in_conflict_is_an_image_and_takes_a_reason(staff: Callable[[str], Client], sakura: Facility) -> None:
    receive(sakura, CT)
    receive(sakura, CT[:-1] + b"\7")
    with as_center():
        file = ReceivedFile.objects.select_related("conflict__study__facility").get(outcome=Outcome.CONFLICT)
    page = f"/admin/collection/receivedfile/{file.pk}/download/"
    for group in ("operator", "output", "billing", "administrator"):
        assert staff(group).get(page).status_code == 403
    client = staff("reception")
    assert file.conflict
    asked = client.get(page)
    assert (asked.status_code, asked["Location"]) == (302, address(file.conflict.study, "change"))
    assert events("file.downloaded") == []
    with as_center():
        open_images(
            file.conflict.study, purpose=AccessPurpose.CONFLICT, reason="to compare the two files",
            by=person_of(client), actor=SYSTEM, now=timezone.now(),
        )  # fmt: skip
    assert client.get(page).getvalue() == CT[:-1] + b"\7"
    assert len(events("file.downloaded")) == 1


def test_a_stored_file_is_not_downloaded_from_the_list_of_files(superuser: Client, sakura: Facility) -> None:
    receive(sakura, CT)
    with as_center():
        file = ReceivedFile.objects.get(outcome=Outcome.STORED)
    page = f"/admin/collection/receivedfile/{file.pk}/"
    assert superuser.get(f"{page}download/").status_code == 404
    assert f"{page}download/".encode() not in superuser.get(f"{page}change/").content


def test_a_missing_pack_is_told_and_not_recorded_as_a_download(superuser: Client, sakura: Facility) -> None:
    receive(sakura, CUT)
    with as_center():
        file = ReceivedFile.objects.select_related("pack").get()
    assert file.pack
    place("primary").remove(file.pack.name)
    answer = superuser.get(f"/admin/collection/receivedfile/{file.pk}/download/", follow=True)
    assert b"is missing" in answer.content
    assert events("file.downloaded") == []


@pytest.mark.parametrize("model", [Study, Patient])
def test_looking_at_a_patient_or_a_study_is_recorded(
    model: type[Model], staff: Callable[[str], Client], world: dict[type[Model], Any]
) -> None:
    client = staff("archivist")
    client.get(address(world[model], "change"))
    (event,) = events(f"{model._meta.model_name}.viewed")
    assert event.actor_id == str(person_of(client).pk)
    assert event.object_id == str(world[model].pk)
    assert event.details == {}
    history = client.get(address(world[model], "history"), follow=True).content.decode()
    assert "archivist@center.example" in history
    assert "collection.received" not in history


def test_a_studys_page_shows_series_packs_conflicts_and_receptions(
    superuser: Client, world: dict[type[Model], Any]
) -> None:
    with as_center():
        conflict = Conflict.objects.select_related("study", "pack").get()
        series = conflict.study.series.get()
        packs = set(Pack.objects.filter(instances__series=series))
    content = superuser.get(address(conflict.study, "change")).content.decode()
    for row in (series, conflict, *packs, world[Collection]):
        assert address(row, "change") in content
    assert "CD-1" in content


def test_a_conflict_is_resolved_once_by_who_may(
    staff: Callable[[str], Client], sakura: Facility, world: dict[type[Model], Any]
) -> None:
    page = f"/admin/catalog/conflict/{world[Conflict].pk}/resolve/"
    assert staff("billing").post(page, {"_form_submitted": "True"}).status_code == 403
    archivist = staff("archivist")
    assert archivist.get(page).status_code == 200
    undecided = archivist.post(page, {"_form_submitted": "True"})
    assert undecided.status_code == 200
    assert b"Mark as resolved" in archivist.get(address(world[Conflict], "change")).content
    assert events("conflict.resolved") == []
    for _again in range(2):
        assert archivist.post(page, {"_form_submitted": "True", "decision": "both"}).status_code == 302
        assert b"Mark as resolved" not in archivist.get(address(world[Conflict], "change")).content
    (event,) = events("conflict.resolved")
    assert (event.actor_id, event.facility_id) == (str(person_of(archivist).pk), sakura.pk)
    assert event.details["decision"] == "both"
    with as_center():
        assert Conflict.objects.get().resolved_by == person_of(archivist)
    assert archivist.get(address(Conflict, "changelist"), {"resolved": "no"}).context["cl"].result_count == 0
    assert archivist.get(address(Conflict, "changelist"), {"resolved": "yes"}).context["cl"].result_count == 1


def test_a_token_is_revoked_by_an_administrator(staff: Callable[[str], Client], world: dict[type[Model], Any]) -> None:
    page = f"/admin/facilities/devicetoken/{world[DeviceToken].pk}/revoke/"
    assert staff("archivist").post(page, {"_form_submitted": "True"}).status_code == 403
    answer = staff("administrator").post(page, {"_form_submitted": "True"}, headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == address(world[DeviceToken], "change")
    with as_center():
        assert not DeviceToken.objects.get().is_usable
    assert len(events("token.revoked")) == 1


def test_a_facility_is_made_and_keeps_its_address_and_country(staff: Callable[[str], Client]) -> None:
    client = staff("administrator")
    facts = {"name": "Clínica Sol", "slug": "sol", "kind": "clinic", "country": "ES", "time_zone": "Europe/Madrid"}
    facts["language"] = "en"
    wrongs = ({"country": "es"}, {"country": "E1"}, {"time_zone": "Mars/Olympus"}, {"language": "tlh"}, {"slug": "s/l"})
    for wrong in wrongs:
        assert client.post(address(Facility, "add"), facts | wrong).status_code == 200
    assert client.post(address(Facility, "add"), facts).status_code == 302
    with as_center():
        sol = Facility.objects.get()
    change = {
        "name": "Clínica del Sol",
        "slug": "luna",
        "kind": "hospital",
        "country": "FR",
        "time_zone": "Atlantic/Canary",
        "language": "ja",
    }
    assert client.post(address(sol, "change"), change).status_code == 302
    with as_center():
        sol.refresh_from_db()
    assert (sol.name, sol.slug, sol.country, sol.time_zone) == ("Clínica del Sol", "sol", "ES", "Atlantic/Canary")
    assert sol.language == "ja"
    assert [event.facility_id for event in events("facility.created")] == [sol.pk]
    assert [event.details for event in events("facility.changed")] == [
        {"fields": ["kind", "language", "name", "time_zone"]}
    ]


def test_a_facilitys_first_owner_is_invited(
    staff: Callable[[str], Client], sakura: Facility, django_capture_on_commit_callbacks: Any
) -> None:
    page = f"/admin/facilities/facility/{sakura.pk}/invite_owner/"
    facts = {"_form_submitted": "True", "email": "owner@sakura.example"}
    assert staff("operator").post(page, facts).status_code == 403
    client = staff("administrator")
    assert client.post(page, facts | {"email": "nobody"}).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(page, facts).status_code == 302
    with as_center():
        invitation = Invitation.objects.get()
    assert (invitation.email, invitation.role, invitation.facility_id) == (
        "owner@sakura.example",
        Role.OWNER,
        sakura.pk,
    )
    assert [message.to for message in mail.outbox] == [["owner@sakura.example"]]
    assert [event.actor_id for event in events("invitation.sent")] == [str(person_of(client).pk)]


def test_staff_are_made_without_a_password_and_get_a_link(
    staff: Callable[[str], Client], django_capture_on_commit_callbacks: Any
) -> None:
    client = staff("administrator")
    group = Group.objects.get(name="operator")
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            address(User, "add"),
            {"email": "New@Center.Example", "name": "N. New", "groups": [group.pk], "is_superuser": "on"},
        )
    assert answer.status_code == 302
    made = User.objects.get(email="new@center.example")
    assert made.is_staff
    assert not made.is_superuser
    assert not made.has_usable_password()
    assert list(made.groups.all()) == [group]
    assert [message.to for message in mail.outbox] == [["new@center.example"]]
    assert [event.object_id for event in events("user.created")] == [str(made.pk)]
    assert b"already exists" in client.post(address(User, "add"), {"email": "NEW@center.example"}).content


def test_a_deactivated_person_is_out_at_once(staff: Callable[[str], Client]) -> None:
    operator, administrator = staff("operator"), staff("administrator")
    page = address(person_of(operator), "change")
    assert administrator.post(page, {"name": "", "is_staff": "on"}).status_code == 302
    assert operator.get(reverse("admin:index")).status_code == 302
    assert [event.details for event in events("user.changed")] == [{"fields": ["groups", "is_active"]}]


def test_administrators_change_neither_superusers_nor_their_own_rights(
    staff: Callable[[str], Client], superuser: Client
) -> None:
    client = staff("administrator")
    assert client.post(address(person_of(superuser), "change"), {"name": "x"}).status_code == 403
    link = f"/admin/accounts/user/{person_of(superuser).pk}/send_password_link/"
    assert client.post(link, {"_form_submitted": "True"}).status_code == 403
    me = person_of(client)
    client.post(address(me, "change"), {"name": "Me"})
    me.refresh_from_db()
    assert (me.name, me.is_active, me.is_staff, me.groups.count()) == ("Me", True, True, 1)


def search(client: Client, term: str) -> Any:
    return client.post(address(Study, "changelist"), {"q": term}, follow=True)


@pytest.mark.parametrize("term", ["1.3.6.1.4.1.5962.1.2.1.20040119072730.12322", "1CT1", " 1CT1 "])
def test_a_study_is_found_by_what_identifies_it(term: str, superuser: Client, sakura: Facility) -> None:
    receive(sakura, CT, MR)
    found = search(superuser, term).context["cl"].result_list
    assert [study.study_instance_uid for study in found] == ["1.3.6.1.4.1.5962.1.2.1.20040119072730.12322"]
    assert search(superuser, "1CT%").context["cl"].result_count == 0


def test_what_is_searched_for_stays_out_of_the_address(superuser: Client, world: dict[type[Model], Any]) -> None:
    answer = search(superuser, "1CT1")
    assert "1CT1" not in answer.request["QUERY_STRING"]
    assert 'value="1CT1"' in answer.content.decode()


def test_long_lists_are_counted_no_further_than_people_page(
    superuser: Client, world: dict[type[Model], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedPaginator, "MOST", 2)
    assert "2 received files or more" in superuser.get(address(ReceivedFile, "changelist")).content.decode()


def test_the_overview_counts_what_is_stored_and_what_waits(
    superuser: Client, sakura: Facility, lindenhof: Facility
) -> None:
    overview = f"{reverse('admin:index')}?work=overview"
    empty = superuser.get(overview)
    assert "No collection yet" in empty.content.decode()
    assert [figure.value for figure in empty.context["waiting"]] == ["0", "0", "0", "0", "0"]
    collection = receive(sakura, CT, CUT, OTHER_BYTES)
    with as_center():
        pack = Pack.objects.order_by("pk")[0]
        Pack.objects.filter(pk=pack.pk).update(created_at=timezone.now() - timedelta(days=31))
        Finding.objects.create(
            facility=sakura, pack=pack, pack_name=pack.name, place="replica", damage="missing", found_at=timezone.now()
        )
    full = superuser.get(overview)
    assert [figure.value for figure in full.context["stored"]][:3] == ["2", "1", "1"]
    assert [figure.value for figure in full.context["waiting"]] == ["2", "1", "1", "1", "1"]
    assert address(collection, "change") in full.content.decode()
    assert sum(json.loads(full.context["chart"])["datasets"][0]["data"]) == 1
    for figure in full.context["waiting"]:
        assert superuser.get(figure.href).context["cl"].result_count == int(figure.value)


def test_the_menu_shows_what_the_person_may_read(signed_in: Callable[..., Client]) -> None:
    newcomer = signed_in("new@center.example", is_staff=True)
    content = newcomer.get(reverse("admin:index")).content.decode()
    assert "Audit events" not in content
    assert "Quarantine" not in content


def test_only_the_admin_may_evaluate_scripts(superuser: Client) -> None:
    inside = superuser.get(reverse("admin:index"))["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in inside
    assert "frame-ancestors 'none'" in inside
    assert "default-src 'self'" in inside
    outside = superuser.get("/")["Content-Security-Policy"]
    assert "unsafe" not in outside
    assert "default-src 'self'" in outside


def test_a_facility_cannot_resolve_its_conflict_itself(sakura: Facility, world: dict[type[Model], Any]) -> None:
    from django.db.utils import ProgrammingError

    with pytest.raises(ProgrammingError, match="permission denied"), as_facility(sakura):
        Conflict.objects.update(resolved_at=timezone.now())
