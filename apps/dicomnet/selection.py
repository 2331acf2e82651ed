"""The instances that a retrieval is of."""

from django.db.models import QuerySet

from apps.audit.record import record
from apps.catalog.models import Instance
from apps.catalog.search import matching_instances
from apps.core.errors import DomainError
from apps.dicomnet.query import Query
from apps.dicomnet.session import Session

MOST_INSTANCES = 0xFFFF  # what the counters of sub-operations hold


class TooMany(DomainError):
    """More instances match than one retrieval can count (A701H)."""

    code = "too_many_instances"

    def __init__(self) -> None:
        super().__init__(f"More than {MOST_INSTANCES} images match")


def select(session: Session, query: Query, *, operation: str) -> list[Instance]:
    """The facility's instances that match, with their packs. Raises TooMany."""
    facility_id = session.terminal.facility_id
    with session.facility():
        matching: QuerySet[Instance] = matching_instances(facility_id, query.criteria)
        found = list(
            matching.select_related(None)
            .select_related("pack")
            .only(
                "sop_class_uid", "sop_instance_uid", "transfer_syntax_uid", "pack_offset", "length_bytes", "pack__name"
            )[: MOST_INSTANCES + 1]
        )
        if len(found) > MOST_INSTANCES:
            raise TooMany
        record(f"instances.{operation}", actor=session.actor, object_type="facility", object_id=facility_id,
               facility_id=facility_id, count=len(found))  # fmt: skip
    return found
