"""Staff at their pages about storage periods."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import Event
from apps.facilities.tenancy import as_center

SENT = {"_form_submitted": "True"}


def in_group(signed_in: Callable[..., Client], group: str, name: str = "") -> Client:
    """A signed-in member of staff in one of the groups."""
    email = f"{name or group}@staff.example"
    client = signed_in(email, is_staff=True)
    User.objects.get(email=email).groups.add(Group.objects.get(name=group))
    return client


def act_address(obj: Model, act: str) -> str:
    """The address of one of the acts that the page of `obj` offers."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{act}", args=[obj.pk])


def page_address(obj: Model) -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def list_address(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def shown(client: Client, address: str, **query: Any) -> str:
    """What a page says."""
    answer = client.get(address, query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def told(client: Client, address: str, **facts: Any) -> list[str]:
    """Post to an act; what the page that follows tells."""
    answer = client.post(address, SENT | facts, follow=True)
    assert answer.status_code == 200, answer
    return [str(message) for message in answer.context["messages"]]


def events(action: str) -> list[Event]:
    with as_center():
        return list(Event.objects.filter(action=action).order_by("id"))
