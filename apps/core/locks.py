"""Locks by name, held until the transaction ends (PostgreSQL manual, 13.3.5)."""

from collections.abc import Iterable

from django.db import connection


def share_name(name: str) -> None:
    """Hold a lock together with others who share it; whoever takes it by `lock_names` waits for all of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [name])


def lock_names(names: Iterable[str]) -> None:
    """Take the locks in one order, so that two transactions never wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name",
            [sorted(set(names))],
        )
