"""What a source says it has, and what of it the facility's catalog does not."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from apps.catalog.models import Instance, Study
from apps.core.errors import DomainError

AT_ONCE = 500


class SourceFailed(DomainError):
    """The source does not answer, refuses, or went away."""

    code = "source_failed"


@dataclass(frozen=True, slots=True)
class ListedStudy:
    """A study of the source; how many images it has, where the source tells."""

    study_instance_uid: str
    instance_count: int | None


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image of the source."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str


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
        yield from series.values()


def _known(facility_id: int, uids: list[str]) -> Iterable[str]:
    for start in range(0, len(uids), AT_ONCE):
        yield from Instance.objects.filter(
            facility_id=facility_id, sop_instance_uid__in=uids[start : start + AT_ONCE]
        ).values_list("sop_instance_uid", flat=True)
