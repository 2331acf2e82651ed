"""The change feed: what was stored, changed and deleted in a facility's catalog, for programs that keep up with it.

A row's id says when it was written, not when it was committed: who has read to 7 would never see a 5 that is committed
late. So a change gets its number from the first reader after its commit, under a lock: what comes later has a higher
one, whatever its id. Each facility counts for itself: gaps would tell how busy the others are.
"""

from django.db import connection

from apps.catalog.models import StudyChange
from apps.core.locks import lock_names

NUMBERED_AT_ONCE = 10_000


def changes_after(facility_id: int, number: int, *, limit: int) -> list[StudyChange]:
    """The changes after a number, in the order that every reader sees; within the caller's transaction.

    None is left out, and none comes later, as long as the answer is not empty.
    """
    _number_some(facility_id)
    return list(StudyChange.objects.filter(facility_id=facility_id, number__gt=number).order_by("number")[:limit])


def end_of_changes(facility_id: int) -> int:
    """The number of the last change so far; 0 before the first one."""
    while _number_some(facility_id):
        pass
    numbered = StudyChange.objects.filter(facility_id=facility_id, number__isnull=False)
    return numbered.order_by("-number").values_list("number", flat=True).first() or 0


def _number_some(facility_id: int) -> bool:
    """Give numbers to what has been committed; whether there was anything without one."""
    # In the order of the index of those: for any of them the planner reads the whole table, expecting to find one soon.
    waiting = StudyChange.objects.filter(facility_id=facility_id, number=None).order_by("pk")
    if not waiting.values_list("pk", flat=True)[:1]:
        return False
    lock_names([f"{facility_id}/changes"])
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER, [facility_id, NUMBERED_AT_ONCE, facility_id])
    return True


_NUMBER = """
    WITH waiting AS MATERIALIZED (
        SELECT id FROM catalog_studychange WHERE facility_id = %s AND number IS NULL ORDER BY id LIMIT %s
    ), numbered AS MATERIALIZED (
        SELECT id, row_number() OVER (ORDER BY id) + (
            SELECT coalesce(max(number), 0) FROM catalog_studychange WHERE facility_id = %s
        ) AS number FROM waiting
    )
    UPDATE catalog_studychange AS change SET number = numbered.number FROM numbered WHERE change.id = numbered.id
"""
