"""Which images are meant for storage, by each kind of rule; which of them fit into a collection."""

from pathlib import Path

import pytest
from medvault_edge.gathering import gather
from medvault_edge.marking import Rule, judge
from medvault_edge.source import Found, Image, Unusable
from pydicom.dataset import Dataset


def header(**values: str) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


TAG = Rule(mark="tag", tag="0020,4000", value="KEEP", default="keep")
PREFIX = Rule(mark="prefix", store_prefixes=("A",), keep_prefixes=("B",), default="keep")
SIDECAR = Rule(mark="sidecar", default="store")


@pytest.mark.parametrize(
    ("rule", "found", "sidecar", "is_stored", "is_marked"),
    [
        (Rule(), header(), None, True, True),
        (TAG, header(ImageComments="please keep this"), None, True, True),
        (TAG, header(ImageComments="no"), None, False, True),
        (TAG, header(), None, False, False),
        (Rule(mark="tag", tag="ImageComments", value="x"), header(ImageComments="X"), None, True, True),
        (PREFIX, header(AccessionNumber="a123"), None, True, True),
        (PREFIX, header(AccessionNumber="B123"), None, False, True),
        (PREFIX, header(StudyID="A9"), None, True, True),
        (PREFIX, header(AccessionNumber="C1"), None, False, False),
        (SIDECAR, header(), {"store": False}, False, True),
        (SIDECAR, header(), {"store": True}, True, True),
        (SIDECAR, header(), {"store": "yes"}, True, False),
        (SIDECAR, header(), None, True, False),
    ],
)
def test_a_rule_decides(
    rule: Rule, found: Dataset, sidecar: dict[str, object] | None, is_stored: bool, is_marked: bool
) -> None:
    verdict = judge(rule, found, sidecar, "x.dcm")
    assert (verdict.is_stored, verdict.is_marked) == (is_stored, is_marked)


def test_without_a_number_the_files_name_decides() -> None:
    assert judge(PREFIX, header(), None, "A0001.dcm").is_stored
    assert not judge(PREFIX, header(), None, "B0001.dcm").is_stored


def image(study: str, date: str, number: int, length: int = 10, **values: str) -> Image:
    found = header(StudyInstanceUID=study, StudyDate=date, **values)
    return Image(Path(f"{study}-{number}.dcm"), f"{study}-{number}.dcm", length, f"{study}{number}", found)


STUDIES = Found(
    images=[image("1.3", "20260103", n) for n in range(3)]
    + [image("1.1", "20260101", n) for n in range(2)]
    + [image("1.2", "20260102", n) for n in range(4)],
    unusable=[Unusable("notes.txt", 5, "no DICOM file")],
)


def studies(gathered: object) -> list[str]:
    return list(dict.fromkeys(each.study for each in gathered.images))  # type: ignore[attr-defined]


def test_whole_studies_are_taken_oldest_first_up_to_the_agreed_amount() -> None:
    gathered = gather(STUDIES, Rule(), is_collected=lambda _digest: False, agreed_instances=6)
    assert studies(gathered) == ["1.1", "1.2"]
    assert [each.reason for each in gathered.left] == ["unreadable", "over_amount", "over_amount", "over_amount"]
    by_size = gather(STUDIES, Rule(), is_collected=lambda _digest: False, agreed_bytes=25)
    assert studies(by_size) == ["1.1"]


def test_a_study_that_alone_exceeds_the_amount_is_not_left_for_ever() -> None:
    assert studies(gather(STUDIES, Rule(), is_collected=lambda _digest: False, agreed_instances=1)) == ["1.1"]


def test_what_was_collected_before_counts_for_nothing() -> None:
    gathered = gather(STUDIES, Rule(), is_collected=lambda digest: digest.startswith("1.1"), agreed_instances=4)
    assert (studies(gathered), gathered.known) == (["1.2"], 2)


def test_studies_without_a_mark_are_counted() -> None:
    gathered = gather(STUDIES, TAG, is_collected=lambda _digest: False)
    assert gathered.unmarked == {"1.1", "1.2", "1.3"}
    assert {each.reason for each in gathered.left} == {"not_marked", "unreadable"}
