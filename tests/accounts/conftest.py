from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from apps.accounts.models import User
from tests.accounts.pages import verified

EMAIL = "mori@example.org"


@pytest.fixture(autouse=True)
def no_attempts_yet(services: None) -> Iterator[None]:
    """Attempts are counted in Redis, which no test rolls back."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def mori(request: pytest.FixtureRequest, person: Callable[..., User]) -> User:
    if "committed_db" not in request.fixturenames:
        request.getfixturevalue("db")
    return verified(person(EMAIL))


@pytest.fixture
def browser() -> Client:
    return Client()
