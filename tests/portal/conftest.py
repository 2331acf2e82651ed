"""The browsers of those who look at a facility's images, and of those who must not."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.facilities.models import Facility, Role


@pytest.fixture
def viewer(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("abe@example.org", sakura=Role.VIEWER)


@pytest.fixture
def stranger(lindenhof: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("vogt@example.org", lindenhof=Role.OWNER)
