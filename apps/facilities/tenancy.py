"""Entering a facility, or the center, for the length of one transaction (docs/architecture.md, tenancy).

Outside of both, a connection sees no facility's rows at all. A setting made for a transaction ends with it: what runs
after commit, and streamed responses, must enter anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection, transaction

from apps.facilities.models import Facility

FACILITY_ROLE, CENTER_ROLE = "medvault_facility", "medvault_center"
_OUTSIDE = (FACILITY_ROLE, "")
_scope: ContextVar[tuple[str, str]] = ContextVar("tenancy_scope", default=_OUTSIDE)


@contextmanager
def as_facility(facility: Facility | int) -> Iterator[None]:
    """A transaction that sees and writes the rows of `facility` alone."""
    key = facility if isinstance(facility, int) else facility.pk
    with _entered((FACILITY_ROLE, str(key))):
        yield


@contextmanager
def as_center() -> Iterator[None]:
    """A transaction of staff or workers, which sees the rows of every facility."""
    with _entered((CENTER_ROLE, "")):
        yield


def narrow_to(facility: Facility) -> None:
    """From here to the end of `as_center`'s transaction: that facility's rows alone.

    Who comes to a door is recognized as the center and goes on as the facility, without a second transaction.
    """
    scope = (FACILITY_ROLE, str(facility.pk))
    _apply(scope)
    _scope.set(scope)


@contextmanager
def _entered(scope: tuple[str, str]) -> Iterator[None]:
    nested = connection.in_atomic_block
    outer = _scope.get()
    with transaction.atomic():
        _apply(scope)
        token = _scope.set(scope)
        try:
            yield
        finally:
            _scope.reset(token)
        if nested:
            # A savepoint that is released keeps the settings made in it; one that is rolled back does not.
            _apply(outer)


def _apply(scope: tuple[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, true), set_config('medvault.facility', %s, true)", scope)
