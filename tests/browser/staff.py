"""People of the center who have signed in."""

from collections.abc import Callable

from django.contrib.auth.models import Group
from django.test import Client
from playwright.sync_api import Page

from apps.accounts.models import User
from tests.browser.conftest import Visit


def of_group(person: Callable[..., User], email: str, group: str) -> User:
    """A member of staff."""
    user = person(email, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def staff_window(visit: Callable[..., Visit], user: User, site: str) -> Page:
    """A window in which this person has signed in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    window = visit()
    window.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    return window.page
