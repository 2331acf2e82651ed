"""From the act to its readers: in one transaction, once, to those whom it concerns and nobody else."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor
from apps.collection.models import Terminal
from apps.collection.requests import request_collection
from apps.facilities.members import change_role, remove_member
from apps.facilities.models import Facility, Membership, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from apps.notifications.fan_out import forget_old
from apps.notifications.kinds import GROUPS, TELLING, Kind
from apps.notifications.models import Entry, Letter, Notification
from apps.notifications.preferences import choose
from apps.notifications.telling import tell
from apps.notifications.trail import tell_of_access
from apps.notifications.wording import in_words
from medvault.env import PROJECT
from medvault.staff_roles import CHANGES
from tests.notifications.told import handed_on, readers, told


@pytest.fixture
def people(sakura: Facility, lindenhof: Facility, person: Callable[..., User]) -> dict[str, User]:
    """An owner, a member and a viewer of Sakura, an owner of Lindenhof, and staff of two groups."""
    made = {name: person(f"{name}@sakura.example", sakura=Role(name)) for name in ("owner", "member", "viewer")}
    made["stranger"] = person("stranger@lindenhof.example", lindenhof=Role.OWNER)
    for name in ("operator", "archivist"):
        made[name] = person(f"{name}@center.example", is_staff=True)
        made[name].groups.add(Group.objects.get(name=name))
    return made


def test_every_kind_says_whom_it_tells_what() -> None:
    assert set(TELLING) == set(Kind)
    for kind, telling in TELLING.items():
        assert bool(telling.role) != bool(telling.groups), kind
        assert kind.value.split(".")[0] in GROUPS, kind
        assert kind.value.startswith("staff.") == kind.is_for_staff, kind
        words = in_words(Notification(kind=kind, facts={}, object_type="x", object_id="1"))
        assert words.title
        assert "%" not in words.happened.replace("% full", "") + words.to_do, kind


def test_every_kind_is_told_by_somebody() -> None:
    programs = [path.read_text() for folder in ("apps", "medvault") for path in (PROJECT / folder).rglob("*.py")]
    tellers = "".join(text for text in programs if "from apps.notifications.telling import tell" in text)
    assert set(re.findall(r"\bKind\.([A-Z_]+)", tellers)) == set(Kind.__members__)


def test_those_are_told_whose_role_it_concerns(sakura: Facility, people: dict[str, User]) -> None:
    told(sakura)
    assert readers() == []  # the act's transaction costs a row and no more
    assert handed_on() == 1
    assert readers() == ["member@sakura.example", "owner@sakura.example"]
    assert readers(Letter) == readers()
    with as_facility(sakura):
        assert Entry.objects.count() == 2


def test_an_act_that_is_undone_was_never_told(sakura: Facility, people: dict[str, User]) -> None:
    def undone() -> None:
        with as_facility(sakura):
            tell(Kind.COLLECTION_FAILED, facility=sakura, about=("collection", 7))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert handed_on() == 0


def test_outside_of_a_transaction_nobody_can_be_told(committed_db: None, sakura: Facility) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        tell(Kind.COLLECTION_FAILED, facility=sakura, about=("collection", 7))


def test_the_same_is_told_once_unless_on_another_occasion(sakura: Facility, people: dict[str, User]) -> None:
    for occasion in ("", "", "second"):
        told(sakura, occasion=occasion)
    with as_center():
        for _ in range(2):
            tell(Kind.STAFF_CLOCKS_DIFFER, facility=None, about=("sweep", ""))
    assert handed_on() == 3


@pytest.mark.parametrize("group", CHANGES)
def test_every_group_of_staff_hears_of_what_waits_for_it(group: str) -> None:
    assert [kind for kind, telling in TELLING.items() if group in telling.groups]


def test_staff_are_told_by_group_and_facilities_learn_nothing_of_it(sakura: Facility, people: dict[str, User]) -> None:
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room")
    with as_facility(sakura):
        request_collection(terminal, reason="closure", note="", due_at=None, actor=SYSTEM, now=timezone.now())
    handed_on()
    assert readers() == ["operator@center.example"]
    with as_facility(sakura):
        assert not Entry.objects.exists()


def test_where_nobody_is_in_a_group_whoever_administers_is_told(sakura: Facility, person: Callable[..., User]) -> None:
    root = person("root@center.example", is_staff=True)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    told(sakura, Kind.STAFF_FINDING)
    handed_on()
    assert readers() == ["root@center.example"]


def test_a_facility_neither_reads_nor_writes_anothers_notifications(
    sakura: Facility, lindenhof: Facility, people: dict[str, User]
) -> None:
    told(sakura)
    handed_on()
    with as_facility(lindenhof):
        assert not Notification.objects.exists()
        assert not Entry.objects.exists()
        assert not Letter.objects.exists()
        with pytest.raises(Exception, match="row-level security"), transaction.atomic():
            tell(Kind.COLLECTION_FAILED, facility=sakura, about=("collection", 8))


def test_a_person_chooses_by_what_they_hear_except_of_what_the_contract_wants(
    sakura: Facility, people: dict[str, User]
) -> None:
    choose(people["owner"], {Kind.COLLECTION_FAILED: (False, False), Kind.DELETION_AHEAD: (False, False)})
    choose(people["member"], {Kind.COLLECTION_FAILED: (True, False)})
    told(sakura)
    told(sakura, Kind.DELETION_AHEAD)
    handed_on()
    assert readers() == ["member@sakura.example"]
    assert readers(Letter) == ["owner@sakura.example"]


def test_owners_hear_of_what_and_who_may_enter(sakura: Facility, people: dict[str, User]) -> None:
    owner, now = Actor("user", str(people["owner"].pk)), timezone.now()
    issue_token(sakura, label="Terminal", scopes=[Scope.STORE], actor=owner)
    with as_center():
        member, viewer = (Membership.objects.get(user=people[name]) for name in ("member", "viewer"))
    change_role(membership=viewer, role=Role.MEMBER, actor=owner)
    remove_member(membership=member, actor=owner)
    for _ in range(2):
        tell_of_access(now=now + timedelta(minutes=1))
    assert handed_on() == 3
    with as_center():
        kinds = sorted(Notification.objects.values_list("kind", flat=True))
        assert {entry.user for entry in Entry.objects.all()} == {people["owner"]}
    assert kinds == [Kind.MEMBER_REMOVED, Kind.ROLE_CHANGED, Kind.TOKEN_ISSUED]


def test_two_workers_hand_each_on_once(committed_db: None, sakura: Facility, person: Callable[..., User]) -> None:
    person("owner@sakura.example", sakura=Role.OWNER)
    with as_facility(sakura):
        for number in range(250):
            tell(Kind.COLLECTION_FAILED, facility=sakura, about=("collection", number))
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(handed_on())) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(counts) == len(readers()) == len(readers(Letter)) == 250


def test_what_is_old_is_forgotten(sakura: Facility, people: dict[str, User]) -> None:
    told(sakura)
    handed_on()
    forget_old(now=timezone.now() + timedelta(days=399))
    assert readers()
    forget_old(now=timezone.now() + timedelta(days=401))
    assert not readers()
