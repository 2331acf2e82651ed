"""Signing in as people do it, and what is left of it."""

import re
from typing import Any

from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import Event
from apps.facilities.tenancy import as_center
from tests.conftest import PASSWORD


def verified(user: User) -> User:
    """A person whose address is verified, as that of everybody is who accepted an invitation."""
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def sign_in(client: Client, email: str, password: str = PASSWORD, **options: Any) -> Any:
    return client.post(reverse("account_login"), {"login": email, "password": password}, **options)


def confirm_password(client: Client) -> None:
    """Say the password once more, which every change of a sign-in asks for."""
    assert client.post(reverse("account_reauthenticate"), {"password": PASSWORD}).status_code == 302


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def events(*verbs: str) -> list[Event]:
    """Audit events of people's sign-ins, oldest first; with `verbs` those alone."""
    with as_center():
        found = Event.objects.filter(action__startswith="user.").order_by("pk")
        return [event for event in found if not verbs or event.action.removeprefix("user.") in verbs]


def link_in_last_mail() -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def code_in_last_mail() -> str:
    found = re.search(r"^\s*([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})\s*$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[1]
