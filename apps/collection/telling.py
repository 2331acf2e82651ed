"""Who is told what of collections and terminals."""

from django.urls import reverse

from apps.collection.models import Collection, CollectionRequest, State, Terminal
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

_KINDS = {
    State.RECEIVED: Kind.COLLECTION_RECEIVED,
    State.STORED: Kind.COLLECTION_STORED,
    State.PARTIAL: Kind.COLLECTION_PARTIAL,
    State.FAILED: Kind.COLLECTION_FAILED,
}


def tell_of_state(collection: Collection) -> None:
    """That it has come to its state."""
    _tell(_KINDS[State(collection.state)], collection, collection.kept_count)


def tell_of_files(collection: Collection) -> None:
    """That files of a collection, which is received, need somebody."""
    if collection.quarantined_count:
        _tell(Kind.FILES_QUARANTINED, collection, collection.quarantined_count)
        _tell(Kind.STAFF_QUARANTINE, collection, collection.quarantined_count)
    if collection.conflict_count:
        _tell(Kind.IMAGES_IN_CONFLICT, collection, collection.conflict_count)
        _tell(Kind.STAFF_CONFLICT, collection, collection.conflict_count)


def tell_of_request(wish: CollectionRequest, terminal: Terminal) -> None:
    """That a collection is asked for."""
    day = wish.due_at.date() if wish.due_at else None
    tell(Kind.STAFF_COLLECTION_WANTED, facility=wish.facility_id, about=("collection_request", wish.pk), due_on=day,
         path=reverse("admin:collection_worklist"), facts={"terminal": terminal.name})  # fmt: skip


def tell_of_filling(terminal: Terminal, wish: CollectionRequest, *, percent: int) -> None:
    """That less is free than was agreed, for which `wish` asks for a collection."""
    tell(Kind.TERMINAL_FILLING, facility=terminal.facility_id, about=("terminal", terminal.pk), occasion=wish.pk,
         path=path_of(terminal), facts={"terminal": terminal.name, "percent": percent})  # fmt: skip


def path_of(terminal: Terminal) -> str:
    """The terminal's page in the portal."""
    return reverse(
        "portal:terminal", kwargs={"facility_slug": terminal.facility.slug, "terminal_id": terminal.pk}
    )  # fmt: skip


def _tell(kind: Kind, collection: Collection, count: int) -> None:
    if kind.is_for_staff:
        path = reverse("admin:collection_collection_change", args=[collection.pk])
    else:
        where = {"facility_slug": collection.facility.slug, "collection_id": collection.pk}
        path = reverse("portal:collection", kwargs=where)
    tell(kind, facility=collection.facility_id, about=("collection", collection.pk), path=path, facts={"count": count})
