"""What a source says it has, and what of it the facility's catalog does not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from apps.catalog.models import Instance, Study
from apps.catalog.part10 import is_uid
from apps.core.errors import DomainError

AT_ONCE = 500
MOST_LISTED = 1_000_000
"""Studies, images of a study, and images that are new, in one look: more would exhaust our memory."""


class SourceFailed(DomainError):
    """The source does not answer, refuses, or went away."""

    code = "source_failed"


class TooMuchListed(SourceFailed):
    """The source lists more than is fetched in one look."""

    def __init__(self) -> None:
        super().__init__(f"The source lists more than {MOST_LISTED:,} at once: fetch from a later day on first")


@dataclass(frozen=True, slots=True)
class ListedStudy:
    """A study of the source; how many images it has, where the source tells."""

    study_instance_uid: str
    instance_count: int | None

    def __post_init__(self) -> None:
        """Raises SourceFailed."""
        _require_uids(self.study_instance_uid)


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image of the source. Its UIDs name files and addresses: a source may say anything."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str

    def __post_init__(self) -> None:
        """Raises SourceFailed; the SOP class alone may be missing."""
        _require_uids(self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)
        if self.sop_class_uid:
            _require_uids(self.sop_class_uid)


class Reader(Protocol):
    """How a kind of source is read. Every method raises SourceFailed."""

    def studies(self, since: date | None) -> list[ListedStudy]:
        """The studies whose date is not before `since`."""

    def images(self, study_instance_uid: str) -> list[ListedImage]:
        """The images of a study."""

    def fetch(self, images: list[ListedImage], folder: Path) -> None:
        """Put the images of one series into the folder, as files named by their SOP Instance UID."""


def unknown_images(facility_id: int, reader: Reader, since: date | None) -> Iterator[list[ListedImage]]:
    """The images that the catalog does not have, a list for each series. Within the facility's transactions.

    A study of which the catalog has as many images as the source tells is not looked into.
    """
    wanted = 0
    for study in reader.studies(since):
        counted = Study.objects.filter(facility_id=facility_id, study_instance_uid=study.study_instance_uid)
        have = counted.values_list("instance_count", flat=True).first()
        if study.instance_count is not None and have == study.instance_count:
            continue
        series: dict[str, list[ListedImage]] = {}
        images = reader.images(study.study_instance_uid)
        known = set(_known(facility_id, [image.sop_instance_uid for image in images]))
        for image in images:
            if image.sop_instance_uid not in known:
                series.setdefault(image.series_instance_uid, []).append(image)
        wanted += sum(map(len, series.values()))
        if wanted > MOST_LISTED:
            raise TooMuchListed
        yield from series.values()


def _require_uids(*uids: str) -> None:
    if not all(map(is_uid, uids)):
        raise SourceFailed("The source lists something without its UIDs")


def _known(facility_id: int, uids: list[str]) -> Iterable[str]:
    for start in range(0, len(uids), AT_ONCE):
        yield from Instance.objects.filter(
            facility_id=facility_id, sop_instance_uid__in=uids[start : start + AT_ONCE]
        ).values_list("sop_instance_uid", flat=True)
