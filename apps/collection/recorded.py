"""What a facility records beside its images about their storage: until when, for how long, made for what."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from apps.catalog.models import Study
from apps.collection.announcement import Announcement, Brought
from apps.collection.models import Collection, ReceivedFile


@dataclass(slots=True)
class _Recorded:
    until: date | None = None
    periods: set[str] = field(default_factory=set)
    purposes: set[str] = field(default_factory=set)

    def add(self, file: Brought) -> None:
        self.until = max(filter(None, (self.until, file.keep_until)), default=None)
        self.periods |= {file.keep_for} if file.keep_for else set()
        self.purposes |= set(file.purposes)


def note_recorded(collection: Collection, announced: Announcement) -> None:
    """Add to the studies of a collection what its manifest says of them, within the caller's transaction.

    It adds up: what was recorded before stays, so that nothing recorded later shortens a period.
    """
    told = {bytes.fromhex(file.sha256): file for file in announced.files if _says_something(file)}
    if not told:
        return
    files = ReceivedFile.objects.filter(facility_id=collection.facility_id, collection=collection)
    of_studies = defaultdict[int, _Recorded](_Recorded)
    for digest, study_id in files.filter(sha256__in=list(told), instance__isnull=False).values_list(
        "sha256", "instance__series__study_id"
    ):
        of_studies[study_id].add(told[bytes(digest)])
    for study in Study.objects.select_for_update(no_key=True).filter(
        facility_id=collection.facility_id, pk__in=list(of_studies)
    ):
        recorded = of_studies[study.pk]
        study.recorded_until = max(filter(None, (study.recorded_until, recorded.until)), default=None)
        study.recorded_periods = sorted(recorded.periods | set(study.recorded_periods))
        study.purposes = sorted(recorded.purposes | set(study.purposes))
        study.save(update_fields=["recorded_until", "recorded_periods", "purposes"])


def _says_something(file: Brought) -> bool:
    return bool(file.keep_until or file.keep_for or file.purposes)
