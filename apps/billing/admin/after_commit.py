"""Acts that ask Stripe: never within a request's transaction, which could be undone when Stripe has acted already."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from apps.core.acting import tell


def after_commit(request: HttpRequest, act: Callable[[], object], *, done: Any) -> None:
    """Do it once this request's transaction is over, and say that it is `done`, or what refused it."""
    transaction.on_commit(partial(tell, request, act, done=done), robust=True)
