"""The lock under which it is decided who belongs to a facility."""

from django.db import transaction

from apps.core.locks import lock_names


def lock_members(facility_id: int) -> None:
    """Let one transaction at a time decide who belongs to a facility; the lock ends with it."""
    assert transaction.get_connection().in_atomic_block
    lock_names([f"members of facility {facility_id}"])
