"""Invented patients and generated images of two invented clinics, as DICOM files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from medvault.demo.phantoms.dataset import Study, part10
from medvault.demo.phantoms.plan import CLINICS

__all__ = ["DemoFile", "clinic_files"]


@dataclass(frozen=True, slots=True)
class DemoFile:
    """A DICOM file and where it lies on a medium: `path` is relative, with names a File-set may have (PS3.10 8.5)."""

    path: str
    content: bytes
    study_instance_uid: str
    imaged_on: date


def clinic_files(clinic: str, *, today: date, wanted: Callable[[date], bool] = lambda _: True) -> Iterator[DemoFile]:
    """The files of `sakura` or `lindenhof`, the studies from the oldest to the newest, each study's files together.

    Of studies imaged on the days that are `wanted`.

    The same `today` makes the same bytes; another day makes other UIDs, since the dates differ. No study is later than
    two days before `today`.
    """
    facts, visits = CLINICS[clinic]
    for number, visit in enumerate(visits, 1):
        on = today - timedelta(days=visit.days_ago)
        on -= timedelta(days=max(0, on.weekday() - 4))
        if not wanted(on):
            continue
        started = datetime.combine(on, visit.at)  # naive: DICOM's dates and times are the clinic's own
        person = facts.people[visit.person]
        study = Study(facts, person, number, today, started, visit.description, visit.protocol)
        for exam in visit.exams:
            for instance in exam(study):
                place = f"ST{number:04d}/SE{instance.SeriesNumber:04d}/IM{instance.InstanceNumber:04d}"
                yield DemoFile(f"DICOM/{place}", part10(instance), study.study_instance_uid, on)
