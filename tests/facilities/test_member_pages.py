"""The members page: everybody in the facility reads it, owners decide, nobody else learns that it exists."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.facilities.invitations import invite
from apps.facilities.models import Facility, Invitation, Membership, Role
from apps.facilities.tenancy import as_center, as_facility
from tests.facilities.test_members import membership_of, roles

PAGES = ["set_role", "remove_member", "send_invitation", "resend_invitation", "withdraw_invitation"]


def url(name: str, **arguments: Any) -> str:
    return reverse(f"facilities:{name}", kwargs={"facility_slug": "sakura", **arguments})


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("mori@example.org", sakura=Role.OWNER)


@pytest.fixture
def target(sakura: Facility, person: Callable[..., User]) -> Membership:
    return membership_of(person("target@example.org", sakura=Role.VIEWER), sakura)


@pytest.fixture
def invitation(sakura: Facility, person: Callable[..., User]) -> Invitation:
    by = person("sender@example.org", sakura=Role.OWNER)
    return invite(facility=sakura, email="invited@example.org", role=Role.MEMBER, invited_by=by, actor=SYSTEM)[0]


def post(client: Client, name: str, target: Membership, invitation: Invitation) -> Any:
    arguments = {
        "set_role": {"membership_id": target.pk},
        "remove_member": {"membership_id": target.pk},
        "resend_invitation": {"invitation_id": invitation.pk},
        "withdraw_invitation": {"invitation_id": invitation.pk},
    }.get(name, {})
    return client.post(url(name, **arguments), {"role": "owner", "email": "new@example.org"})


@pytest.mark.parametrize("role", Role)
def test_every_role_sees_who_belongs_to_the_facility(
    sakura: Facility, target: Membership, invitation: Invitation, signed_in: Callable[..., Client], role: Role
) -> None:
    page = signed_in("abe@example.org", sakura=role).get(url("members")).content.decode()
    assert "target@example.org" in page
    is_owner = role == Role.OWNER
    assert ("invited@example.org" in page) == is_owner
    assert ("/remove/" in page) == is_owner


def test_a_stranger_gets_what_an_unknown_facility_gets(
    sakura: Facility, lindenhof: Facility, signed_in: Callable[..., Client]
) -> None:
    stranger = signed_in("vogt@example.org", lindenhof=Role.OWNER)
    foreign = stranger.get(url("members"))
    unknown = stranger.get("/f/no-such-place/members/")
    assert (foreign.status_code, foreign.content) == (404, unknown.content)


def test_nobody_signed_in_is_sent_to_sign_in(sakura: Facility) -> None:
    answer = Client().get(url("members"))
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"{reverse('account_login')}?next={url('members')}",
    )


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("who", "status"), [("member", 403), ("viewer", 403), ("stranger", 404), ("nobody", 302), ("unmarked", 403)]
)
def test_only_owners_decide(
    sakura: Facility, lindenhof: Facility, target: Membership, invitation: Invitation,
    signed_in: Callable[..., Client], name: str, who: str, status: int,
) -> None:  # fmt: skip
    if who == "nobody":
        client = Client()
    elif who == "unmarked":  # an owner's browser, made to post by another page
        client = Client(enforce_csrf_checks=True)
        client.cookies = signed_in("abe@example.org", sakura=Role.OWNER).cookies
    else:
        places = {"lindenhof": Role.OWNER} if who == "stranger" else {"sakura": Role(who)}
        client = signed_in("abe@example.org", **places)
    before = roles(sakura)
    with as_center():
        events = Event.objects.count()
    assert post(client, name, target, invitation).status_code == status
    assert roles(sakura) == before
    assert mail.outbox == []
    with as_center():
        assert Event.objects.count() == events
        assert Invitation.objects.get().revoked_at is None


@pytest.mark.parametrize("name", PAGES)
def test_looking_changes_nothing(owner: Client, target: Membership, invitation: Invitation, name: str) -> None:
    arguments = {"membership_id": target.pk} if name in PAGES[:2] else {"invitation_id": invitation.pk}
    assert owner.get(url(name, **({} if name == "send_invitation" else arguments))).status_code == 405


def test_an_owner_changes_a_role(sakura: Facility, owner: Client, target: Membership) -> None:
    answer = owner.post(url("set_role", membership_id=target.pk), {"role": "member"}, follow=True)
    assert "The role is changed." in answer.content.decode()
    assert roles(sakura)["target@example.org"] == Role.MEMBER
    with as_facility(sakura):
        event = Event.objects.get(action="membership.role_changed")
    assert (event.actor_kind, event.source_address) == ("user", "127.0.0.1")


@pytest.mark.parametrize("role", ["", "king"])
def test_a_role_that_does_not_exist_is_refused(sakura: Facility, owner: Client, target: Membership, role: str) -> None:
    answer = owner.post(url("set_role", membership_id=target.pk), {"role": role}, follow=True)
    assert "There is no such role." in answer.content.decode()
    assert roles(sakura)["target@example.org"] == Role.VIEWER


def test_a_removed_person_is_shut_out_at_once(
    sakura: Facility, owner: Client, signed_in: Callable[..., Client]
) -> None:
    leaving = signed_in("abe@example.org", sakura=Role.MEMBER)
    assert leaving.get(url("members")).status_code == 200
    with as_center():
        membership = Membership.objects.get(user__email="abe@example.org")
    owner.post(url("remove_member", membership_id=membership.pk))
    assert leaving.get(url("members")).status_code == 404


def test_the_last_owner_is_told_why_they_cannot_leave(sakura: Facility, owner: Client) -> None:
    with as_center():
        own = Membership.objects.get()
    for name, data in (("remove_member", {}), ("set_role", {"role": "viewer"})):
        answer = owner.post(url(name, membership_id=own.pk), data, follow=True)
        assert "This is the last owner" in answer.content.decode()
    assert roles(sakura) == {"mori@example.org": Role.OWNER}


def test_an_owner_who_leaves_is_led_to_the_start_page(
    sakura: Facility, owner: Client, person: Callable[..., User]
) -> None:
    person("abe@example.org", sakura=Role.OWNER)
    with as_center():
        own = Membership.objects.get(user__email="mori@example.org")
    assert owner.post(url("remove_member", membership_id=own.pk)).headers["Location"] == reverse("home")
    assert list(roles(sakura)) == ["abe@example.org"]


@pytest.mark.parametrize("name", ["set_role", "remove_member"])
def test_members_of_another_facility_do_not_exist(
    sakura: Facility, lindenhof: Facility, owner: Client, person: Callable[..., User], name: str
) -> None:
    foreign = membership_of(person("vogt@example.org", lindenhof=Role.VIEWER), lindenhof)
    assert owner.post(url(name, membership_id=foreign.pk), {"role": "owner"}).status_code == 404
    assert roles(lindenhof) == {"vogt@example.org": Role.VIEWER}


@pytest.mark.parametrize("name", ["resend_invitation", "withdraw_invitation"])
def test_invitations_of_another_facility_do_not_exist(
    sakura: Facility, lindenhof: Facility, owner: Client, person: Callable[..., User], name: str
) -> None:
    by = person("vogt@example.org", lindenhof=Role.OWNER)
    foreign, _ = invite(facility=lindenhof, email="x@example.org", role=Role.VIEWER, invited_by=by, actor=SYSTEM)
    assert owner.post(url(name, invitation_id=foreign.pk)).status_code == 404
    assert mail.outbox == []


def test_an_invitation_is_mailed_as_text_and_html_with_its_link(sakura: Facility, owner: Client, settings: Any) -> None:
    owner.post(url("send_invitation"), {"email": "Abe@example.org", "role": "viewer"})
    (message,) = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    assert message.to == ["abe@example.org"]
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    (link,) = set(re.findall(r"https?://\S+", str(message.body)))
    assert link.startswith(f"{settings.PUBLIC_URL}/invitations/")
    assert f'href="{link}"' in str(html)
    assert "Sakura Clinic" in str(message.body)
    with as_facility(sakura):
        event = Event.objects.get(action="invitation.sent")
    assert "example.org" not in str(event.details)


def test_a_link_does_not_follow_the_host_that_a_request_names(sakura: Facility, owner: Client, settings: Any) -> None:
    owner.post(url("send_invitation"), {"email": "abe@example.org", "role": "viewer"}, headers={"host": "localhost"})
    assert f"{settings.PUBLIC_URL}/invitations/" in str(mail.outbox[0].body)


@pytest.mark.parametrize(
    ("email", "why"), [("nonsense", "valid email"), ("", "required"), ("mori@example.org", "member already")]
)
def test_a_refused_invitation_says_why(owner: Client, email: str, why: str) -> None:
    answer = owner.post(url("send_invitation"), {"email": email, "role": "viewer"})
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert mail.outbox == []


def test_a_mail_server_that_is_away_leaves_an_invitation_to_send_again(
    sakura: Facility, owner: Client, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    answer = owner.post(url("send_invitation"), {"email": "abe@example.org", "role": "viewer"}, follow=True)
    assert "could not be sent" in answer.content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with as_center():
        kept = Invitation.objects.get()
    answer = owner.post(url("resend_invitation", invitation_id=kept.pk), follow=True)
    assert "on its way" in answer.content.decode()
    assert len(mail.outbox) == 1


def test_a_withdrawn_invitation_leaves_the_page(owner: Client, invitation: Invitation) -> None:
    assert "invited@example.org" in owner.get(url("members")).content.decode()
    owner.post(url("withdraw_invitation", invitation_id=invitation.pk))
    assert "invited@example.org" not in owner.get(url("members")).content.decode()
