"""From received to stored: packs get their second copy, and collections whose packs all have one are stored."""

import logging

from django.db.models import Exists, OuterRef, QuerySet

from apps.audit.record import SYSTEM, record
from apps.collection.models import Collection, ReceivedFile, State
from apps.collection.receipts import issue_receipts
from apps.collection.telling import tell_of_state
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.facilities.tenancy import as_center
from apps.vault.models import Pack
from apps.vault.packs import replicate
from apps.vault.places import place
from apps.vault.verify import verify_members

AT_ONCE = 20  # packs that one transaction holds
log = logging.getLogger(__name__)


def replicate_pending() -> int:
    """Copy every pack that has no second copy yet; returns how many. One that fails is logged and tried again later.

    Any number of workers may run this: each pack is held by the one that copies it.
    """
    done = passed = 0
    while keys := _next_packs(after=passed):
        passed = keys[-1]
        done += _replicate(keys)
    settle_collections()
    return done


def settle_collections() -> int:
    """Mark as stored every received collection whose files all lie in two places; returns how many."""
    waiting = ReceivedFile.objects.filter(
        facility_id=OuterRef("facility_id"), collection_id=OuterRef("pk"), pack__replicated_at=None, pack__isnull=False
    )
    ready = Collection.objects.filter(~Exists(waiting), state=State.RECEIVED)
    with as_center():
        keys = list(ready.order_by("pk").values_list("pk", flat=True))
    return sum(_settle(ready.filter(pk=key)) for key in keys)


def _settle(one: QuerySet[Collection]) -> bool:
    """Whether it was settled; each in a transaction of its own, for which the receipts of others wait."""
    with as_center():
        collection = one.select_for_update(skip_locked=True).first()
        if collection is None:
            return False
        now = database_now()
        collection.advance(State.STORED, at=now)
        collection.save(update_fields=["state", "stored_at"])
        record("collection.stored", actor=SYSTEM, object_type="collection", object_id=collection.pk,
               facility_id=collection.facility_id)  # fmt: skip
        issue_receipts(collection, now=now)
        tell_of_state(collection)
    return True


def _next_packs(*, after: int) -> list[int]:
    with as_center():
        pending = Pack.objects.filter(replicated_at=None, pk__gt=after).order_by("pk")
        return list(pending.values_list("pk", flat=True)[:AT_ONCE])


def _replicate(keys: list[int]) -> int:
    """Copy those of the packs that no other worker holds."""
    done = []
    with as_center():
        for pack in Pack.objects.select_for_update(skip_locked=True).filter(pk__in=keys, replicated_at=None):
            try:
                replicate(pack)
                verify_members(place("replica"), pack.name, pack.size_bytes)
            except DomainError as error:
                log.error("Pack %s has no second copy yet: %s", pack.name, error.message)  # noqa: TRY400
            else:
                done.append(pack.pk)
        Pack.objects.filter(pk__in=done).update(replicated_at=database_now())
    return len(done)
