"""Requests for a collection: made by a facility, or because its terminal fills up; answered by the next collection."""

from datetime import datetime

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.collection.models import Collection, CollectionRequest, Reason, Terminal
from apps.collection.telling import tell_of_request
from apps.core.clock import require_plausible


def request_collection(
    terminal: Terminal,
    *,
    reason: Reason | str,
    note: str,
    due_at: datetime | None,
    actor: Actor,
    now: datetime,
    by: User | None = None,
) -> CollectionRequest:
    """Ask for a collection, within the caller's transaction. Raises ImplausibleTime."""
    if due_at:
        require_plausible(due_at)
    wish = CollectionRequest.objects.create(
        facility_id=terminal.facility_id,
        terminal=terminal,
        reason=Reason(reason),
        note=note,
        requested_at=now,
        requested_by=by,
        due_at=due_at,
    )
    record("collection.requested", actor=actor, object_type="collection_request", object_id=wish.pk,
           facility_id=terminal.facility_id, reason=wish.reason)  # fmt: skip
    tell_of_request(wish, terminal)
    return wish


def withdraw_request(wish: CollectionRequest, *, actor: Actor, now: datetime) -> None:
    """Take back a request that was not answered; again, or answered, it changes nothing."""
    open_wish = CollectionRequest.objects.filter(
        facility_id=wish.facility_id, pk=wish.pk, answered_at=None, withdrawn_at=None
    )
    if open_wish.update(withdrawn_at=now):
        record("collection.request_withdrawn", actor=actor, object_type="collection_request", object_id=wish.pk,
               facility_id=wish.facility_id)  # fmt: skip


def answer_requests(collection: Collection, *, now: datetime) -> int:
    """Close the requests that the collection answers: those of its terminal made before it was opened."""
    if collection.terminal_id is None:
        return 0
    return CollectionRequest.objects.filter(
        facility_id=collection.facility_id,
        terminal_id=collection.terminal_id,
        answered_at=None,
        withdrawn_at=None,
        requested_at__lte=collection.opened_at,
    ).update(answered_at=now)
