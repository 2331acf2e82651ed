"""What of a folder a collection takes: new, marked for storage, oldest study first, up to the agreed amount."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from medvault_edge.marking import Rule, judge
from medvault_edge.source import Found, Image


@dataclass(frozen=True, slots=True)
class Left:
    """A file that stays; `reason` is one the center knows, `why` what else there is to say to who collects."""

    source: str
    reason: str
    sha256: str | None
    length: int
    why: str = ""


@dataclass(slots=True)
class Gathered:
    """What is taken and what stays. `known`: collected before; `unmarked`: studies that say nothing of themselves."""

    images: list[Image] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    known: int = 0
    unmarked: set[str] = field(default_factory=set)


def gather(
    found: Found,
    rule: Rule,
    *,
    is_collected: Callable[[str], bool],
    agreed_instances: int | None = None,
    agreed_bytes: int | None = None,
) -> Gathered:
    """Pure. A study is taken whole or not at all; the first is taken even where it alone exceeds what was agreed."""
    gathered, seen = Gathered(), set[str]()
    studies: dict[str, list[Image]] = {}
    for image in found.images:
        verdict = judge(rule, image.header, image.sidecar, image.path.name)
        if not verdict.is_marked:
            gathered.unmarked.add(image.study)
        if not verdict.is_stored:
            gathered.left.append(Left(image.source, "not_marked", image.sha256, image.length))
        elif image.sha256 in seen or is_collected(image.sha256):
            gathered.known += 1
        else:
            seen.add(image.sha256)
            studies.setdefault(image.study, []).append(image)
    gathered.left += [Left(each.source, "unreadable", None, each.length, each.why) for each in found.unusable]
    _take(gathered, studies.values(), agreed_instances, agreed_bytes)
    return gathered


def _take(
    gathered: Gathered, studies: Iterable[list[Image]], agreed_instances: int | None, agreed_bytes: int | None
) -> None:
    count = size = 0
    for images in sorted(studies, key=lambda each: (min(image.date for image in each), each[0].study)):
        count += len(images)
        size += sum(image.length for image in images)
        is_within = (agreed_instances is None or count <= agreed_instances) and (
            agreed_bytes is None or size <= agreed_bytes
        )
        if is_within or not gathered.images:
            gathered.images += images
        else:
            gathered.left += [Left(each.source, "over_amount", each.sha256, each.length) for each in images]
