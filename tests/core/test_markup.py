"""Markup in every element of an image and every text of the database is shown as what it is, wherever it is shown."""

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.apps import apps
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db.models import CharField, TextField
from django.test import Client
from django.urls import reverse
from psycopg import errors, sql
from pydicom._dicom_dict import DicomDictionary
from pydicom.config import disable_value_validation

from apps.accounts.models import User
from apps.collection.receipt_mail import mail_receipts
from apps.facilities.invitation_mail import mail_invitation
from apps.facilities.models import Facility, Invitation, Role
from apps.facilities.tenancy import as_center
from apps.orders.choosing import Choice
from apps.orders.kinds.medium.pages import VIEWER
from apps.orders.models import OrderKind
from medvault.env import PROJECT
from tests.conftest import superuser_connection
from tests.core import test_admin
from tests.crawling import UNFINISHED, crawl
from tests.orders.media import CD, mounted, ordered, produced, unpacked
from tests.orders.shares import BORN, enter, linked, share_order
from tests.portal.pages import dicom, store

world, workplace, superuser = test_admin.world, test_admin.workplace, test_admin.superuser
MARK = "<i id=x>'\"&"
SHOWN = "&lt;i id=x&gt;&#x27;&quot;&amp;"
RAW = re.compile(r"<i id=x|id=x>'\"")
TEXTS = {"LO", "SH", "ST", "LT", "UT", "UC", "PN", "CS", "AE"}
GROUPS = {0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040}
NEEDED = {"SpecificCharacterSet", "PatientBirthDate"}
# What machines read and people cannot type: names, keys, codes and digests.
MACHINES = re.compile(
    r"uid|slug|code|key|token|secret|sha|digest|jws|currency|country|zone|language|password|hash|stripe|mime|session"
    r"|subdivision|jurisdiction|period|minimum_term|provider|type|scopes|storage_class"
)
OF_MACHINES = {
    "django_migrations", "django_session", "django_content_type", "auth_permission", "auth_group", "audit_event",
    "account_emailaddress", "mfa_authenticator", "usersessions_usersession", "vault_pack", "orders_output",
}  # fmt: skip


def marked_image() -> bytes:
    """An image each of whose text elements is markup, and every pixel of which is as ever."""
    data_set, file = pydicom.dcmread(io.BytesIO(dicom(9, PatientBirthDate=BORN))), io.BytesIO()
    with disable_value_validation():
        for tag, (vr, multiplicity, _name, retired, keyword) in DicomDictionary.items():
            is_text = tag >> 16 in GROUPS and vr in TEXTS and multiplicity.startswith("1") and not retired
            if is_text and keyword not in NEEDED:
                data_set.add_new(tag, vr, MARK)
        data_set.save_as(file)
    return file.getvalue()


def mark_all_text() -> set[str]:
    """Write markup into every text that people can write, and into more; the columns that took it."""
    marked = set()
    with superuser_connection() as connection:
        connection.execute("SET session_replication_role = replica")
        for model in apps.get_models():
            table = model._meta.db_table
            for field in model._meta.local_concrete_fields:
                if table in OF_MACHINES or not _is_text(field):
                    continue
                value = f"%s || {'id' if field.unique else chr(39) * 2}"
                statement = sql.SQL("UPDATE {} SET {} = " + value).format(
                    sql.Identifier(table), sql.Identifier(str(field.column))
                )
                try:
                    connection.execute(statement, [MARK])
                except (errors.CheckViolation, errors.UniqueViolation, errors.StringDataRightTruncation):
                    continue
                marked.add(f"{table}.{field.column}")
    return marked


def _is_text(field: Any) -> bool:
    is_plain = type(field) in {CharField, TextField}
    return is_plain and not field.choices and not MACHINES.search(field.name)


def assert_harmless(where: str, content: str) -> None:
    found = RAW.search(content)
    assert not found, f"{where}: {content[max(0, found.start() - 200) : found.end() + 100]}"


@pytest.fixture
def marked_name(sakura: Facility) -> None:
    """What is signed from now on has it."""
    sakura.name = MARK
    with as_center():
        sakura.save()


@pytest.fixture
def disc(sakura: Facility, marked_name: None, world: Any, staff: User, tmp_path: Path) -> Path | None:
    """A disc with the image, where there is a program that opens it."""
    store(sakura, marked_image())
    content = produced(ordered(sakura, staff, OrderKind.MEDIUM, **CD))
    [image, _labels] = unpacked(content, tmp_path)
    return mounted(tmp_path / image, tmp_path / "disc") if shutil.which("xorriso") else None


@pytest.fixture
def staff(sakura: Facility, person: Callable[..., User]) -> User:
    return person("worker@center.example", is_staff=True)


@pytest.mark.usefixtures("committed_db")
def test_markup_is_shown_and_never_obeyed(
    disc: Path | None, staff: User, superuser: Client, sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    """On every page of clinic, workplace and receiver, on every paper, on the disc and in mails."""
    receiver, answer = enter(linked(share_order(sakura, staff, Choice("2.25.9"))))
    columns = mark_all_text()
    assert len(columns) > 60, columns
    owner = signed_in("owner@clinic.example", sakura=Role.OWNER)
    shown, papers, views = 0, dict[str, bool](), set[str]()
    for client, start in ((owner, "/f/sakura/"), (superuser, reverse("admin:index")), (receiver, answer["Location"])):
        most = 2 if client is owner else 1
        for view, address, answer in crawl(client, start, most_of_a_kind=most, leave_out=UNFINISHED):
            assert answer.status_code < 400, f"{address}: {answer.status_code}"
            views.add(view)
            kind = answer.headers.get("Content-Type", "")
            if kind.startswith("text/html"):
                content = answer.content.decode()
                assert_harmless(address, content)
                shown += SHOWN in content
            elif kind == "application/pdf" and shutil.which("pdftotext"):
                papers[view] = papers.get(view, False) or MARK in " ".join(text_of(b"".join(answer)).split())
            elif answer.status_code == 200:
                assert answer.headers["X-Content-Type-Options"] == "nosniff", address
    assert {"portal:study", "portal:series", "portal:order", "portal:contract_document", "receiver:series"} <= views
    assert shown > 100, shown
    assert papers or not shutil.which("pdftotext")
    assert all(papers.values()), papers
    if disc:
        page = (disc / "INDEX.HTM").read_text()
        assert SHOWN in page
        assert_harmless("disc", page)
    for message in mails_of(sakura):
        assert "\n" not in message.subject
        html = str(message.alternatives[0][0])
        assert SHOWN in html
        assert_harmless("mail", html)


def mails_of(facility: Facility) -> list[EmailMultiAlternatives]:
    """Mails to a facility whose name is markup, too."""
    with as_center():
        Facility.objects.update(receipts_to="office@sakura.example")
        invitation = Invitation.objects.select_related("facility").latest("pk")
    mail.outbox.clear()
    assert mail_receipts() > 0
    mail_invitation(invitation=invitation, secret="secret")
    return [message for message in mail.outbox if isinstance(message, EmailMultiAlternatives)]


def text_of(document: bytes) -> str:
    return subprocess.run(["pdftotext", "-", "-"], input=document, capture_output=True, check=True).stdout.decode()


@pytest.mark.parametrize(
    "script", [*(PROJECT / "static/js").rglob("*.js"), *VIEWER.glob("*.JS")], ids=lambda path: path.name
)
def test_no_script_makes_markup_of_text(script: Path) -> None:
    assert not re.search(r"innerHTML|outerHTML =|insertAdjacentHTML|document\.write|\beval\(", script.read_text())
