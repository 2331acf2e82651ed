"""Fills an empty installation through its real doors: media, transfers, and visits (medvault/demo/rounds.py)."""

import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor
from apps.collection.media.receive import receive_media
from apps.facilities.models import Facility, Membership, Role, Scope
from apps.facilities.tenancy import as_center
from apps.facilities.tokens import issue_token
from apps.vault.budget import Budget
from apps.vault.fixity import Sweep, sweep
from medvault.demo.billing import ACCOUNTS, seed_invoices
from medvault.demo.conflicts import contradicting_files, seed_decision
from medvault.demo.contracts import seed_contracts
from medvault.demo.orders import seed_orders
from medvault.demo.periods import old_files, seed_periods
from medvault.demo.phantoms import DemoFile, clinic_files
from medvault.demo.rounds import on_a_visit, seed_collector, seed_rounds

PASSWORD = "demonstration"  # noqa: S105 printed on every start
OPERATOR = "Kaito Endo"


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person of the demonstration; `roles` by facility slug, `group` for staff of the center."""

    email: str
    name: str
    who: str
    roles: tuple[tuple[str, Role], ...] = ()
    group: str = ""

    @property
    def password(self) -> str:
        return PASSWORD


SIGN_INS = (
    SignIn("owner@sakura.example", "Haruka Mori", "owner of Sakura Clinic (JP)", (("sakura", Role.OWNER),)),
    SignIn("viewer@sakura.example", "Ren Abe", "may look, at Sakura Clinic", (("sakura", Role.VIEWER),)),
    SignIn("owner@lindenhof.example", "Jana Vogt", "owner of Radiologie Lindenhof (DE)", (("lindenhof", Role.OWNER),)),
    SignIn(
        "doctor@clinics.example",
        "Mika Lindqvist",
        "works at both clinics",
        (("sakura", Role.MEMBER), ("lindenhof", Role.VIEWER)),
    ),
    SignIn("admin@center.example", "Robin Keller", "administrator of the center", group="administrator"),
    SignIn("operator@center.example", OPERATOR, "operator of the center", group="operator"),
    SignIn("reception@center.example", "Yuna Okabe", "reception of the center", group="reception"),
    SignIn("output@center.example", "Luca Brenner", "output of the center", group="output"),
    SignIn("archivist@center.example", "Sora Tanabe", "archivist of the center", group="archivist"),
    SignIn("billing@center.example", "Noa Brandt", "billing of the center", group="billing"),
    SignIn("billing2@center.example", "Emi Sato", "billing of the center, a second person", group="billing"),
)
FACILITIES = (
    ("sakura", "Sakura Clinic", "JP", "Asia/Tokyo", "ja"),
    ("lindenhof", "Radiologie Lindenhof", "DE", "Europe/Berlin", "en"),
)


def seed(url: str, *, report: Callable[[str], None]) -> None:
    """Make facilities, people and images unless that has been done; begun and not finished, it is done again."""
    done = settings.HOME / "demonstration-is-seeded"
    if done.exists():
        return
    with as_center():
        for slug, name, country, time_zone, language in FACILITIES:
            facts = {"name": name, "country": country, "time_zone": time_zone, "language": language,
                     "address": ACCOUNTS[slug]["address"]}  # fmt: skip
            Facility.objects.get_or_create(slug=slug, defaults=facts)
        slugs = [slug for slug, *_ in FACILITIES]
        facilities = {facility.slug: facility for facility in Facility.objects.filter(slug__in=slugs)}
        for sign_in in SIGN_INS:
            _person(sign_in, facilities)
    now = timezone.now()
    today = now.date()
    seed_contracts(facilities, now=now)
    report("Receiving the images of Sakura Clinic from a medium")
    _bring_medium(facilities["sakura"], _files("sakura", today, visited=False), serial="DEMO-CD-0001")
    report("Receiving the images of Radiologie Lindenhof online")
    _send(url, facilities["lindenhof"], _files("lindenhof", today, visited=False))
    report("Receiving what the operators brought from their visits")
    for slug, facility in facilities.items():
        seed_rounds(facility, _files(slug, today, visited=True), now=now)
    seed_collector(facilities.values())
    report("Receiving old images of Sakura Clinic, whose storage periods end")
    _bring_medium(facilities["sakura"], old_files(today), serial="DEMO-DISK-0007")
    seed_periods(facilities["sakura"], now=now)
    sweep(Sweep.of(), Budget())  # what the visits of long ago brought is due
    report("Receiving images of Sakura Clinic that contradict stored ones")
    _bring_medium(facilities["sakura"], contradicting_files(facilities["sakura"]), serial="DEMO-CD-0002")
    seed_decision(facilities["sakura"], archivist="archivist@center.example", now=timezone.now())
    report("Ordering outputs of Sakura Clinic")
    seed_orders(facilities["sakura"], owner="owner@sakura.example", operator="operator@center.example", now=now)
    report("Billing the months of both clinics' contracts")
    seed_invoices(facilities, now=now)
    done.touch()


def _files(slug: str, today: date, *, visited: bool) -> Iterator[DemoFile]:
    return clinic_files(slug, today=today, wanted=lambda day: on_a_visit(slug, today, day) == visited)


def _person(sign_in: SignIn, facilities: dict[str, Facility]) -> None:
    from allauth.account.models import EmailAddress  # noqa: PLC0415 a model, imported once apps are loaded
    from django.contrib.auth.models import Group  # noqa: PLC0415

    user = User.objects.filter(email=sign_in.email).first()
    if user is None:
        user = User.objects.create_user(
            sign_in.email, PASSWORD, name=sign_in.name, is_staff=bool(sign_in.group), is_superuser=False
        )
    EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
    if sign_in.group:
        user.groups.add(Group.objects.get(name=sign_in.group))
    for slug, role in sign_in.roles:
        Membership.objects.get_or_create(facility=facilities[slug], user=user, defaults={"role": role})


def _bring_medium(facility: Facility, files: Iterable[DemoFile], serial: str) -> None:
    medium = Path(tempfile.mkdtemp(prefix="medvault-medium-"))
    try:
        for file in files:
            target = medium / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
        # Media are like that: a note of the viewer program, and a file that the burner has cut.
        (medium / "README.TXT").write_text("Open VIEWER.EXE to see the images.\n")
        (medium / "DICOM" / "DAMAGED").write_bytes(target.read_bytes()[:-1000])
        receive_media(
            facility=facility,
            path=medium,
            operator=OPERATOR,
            serial=serial,
            actor=Actor("operator", OPERATOR),
        )
    finally:
        shutil.rmtree(medium)


def _send(url: str, facility: Facility, files: Iterable[DemoFile]) -> None:
    _, secret = issue_token(facility, label="Storage terminal", scopes=[Scope.STORE, Scope.READ], actor=SYSTEM)
    for _, study in groupby(files, key=attrgetter("study_instance_uid")):
        boundary = uuid4().hex
        parts = [
            f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file.content + b"\r\n"
            for file in study
        ]
        request = urllib.request.Request(  # noqa: S310 our own address
            f"{url}/f/{facility.slug}/dicom-web/studies",
            data=b"".join(parts) + f"--{boundary}--\r\n".encode(),
            headers={
                "Authorization": f"Bearer {secret}",
                "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
                "Accept": "application/dicom+json",
            },
        )
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310
            pass
