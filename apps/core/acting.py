"""Doing what somebody asked for on a page, and saying on the next one how it went."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from apps.core.errors import DomainError

T = TypeVar("T")
Words = Any
"""A text, or a function that makes it of what the act has returned."""


def attempt(request: HttpRequest, act: Callable[[], T], *, done: Words) -> bool:
    """Do what the person asked for, and say that it is `done`; or, with nothing done, what refused it."""

    def whole() -> T:
        with transaction.atomic():
            return act()

    return tell(request, whole, done=done)


def tell(request: HttpRequest, act: Callable[[], T], *, done: Words) -> bool:
    """As `attempt`, for an act that sees to its transactions itself."""
    try:
        result = act()
    except DomainError as error:
        messages.error(request, error.message)
        return False
    messages.success(request, done(result) if callable(done) else done)
    return True
