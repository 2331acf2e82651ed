"""What the copies of a pack, read one after the other, say about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.vault.copies import Copy, agrees_with_manifest
from apps.vault.models import Damage, Obstacle, Pack, Where


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something wrong; `obstacle` is empty where the other copy is good and can repair this one."""

    place: str
    damage: Damage
    copy: Copy
    obstacle: str = ""
    agrees: bool | None = None


def judge(pack: Pack, copies: Sequence[Copy]) -> list[Verdict]:
    """What is wrong with a pack. The row's digest decides, never one made anew from what was read.

    Two copies that are the same, whole by their own manifest, and not what the row says, convict the row.
    """
    bad = [copy for copy in copies if copy.damage]
    if len(bad) < len(copies):
        return [Verdict(copy.alias, copy.damage, copy) for copy in bad if copy.damage]
    agree = [agrees_with_manifest(pack, copy) for copy in bad]
    is_same = len(bad) > 1 and bad[0].sha256 is not None and len({copy.sha256 for copy in bad}) == 1
    if is_same and all(agree):
        return [Verdict(Where.RECORD, Damage.RECORD_ALTERED, bad[0], Obstacle.RECORD, agrees=True)]
    obstacle = Obstacle.BOTH_DAMAGED if len(bad) > 1 else Obstacle.ONE_COPY
    return [
        Verdict(copy.alias, copy.damage, copy, obstacle, agrees)
        for copy, agrees in zip(bad, agree, strict=True)
        if copy.damage
    ]
