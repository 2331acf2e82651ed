"""Acts that ask Stripe: never within a request's transaction, which could be undone when Stripe has acted already."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from apps.core.errors import DomainError


def after_commit(request: HttpRequest, act: Callable[[], object], *, done: Any) -> None:
    """Do it once this request's transaction is over, and say that it is `done`, or what refused it."""

    def carry_out() -> None:
        try:
            act()
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, done)

    transaction.on_commit(carry_out, robust=True)
