"""What of a terminal's images is to be stored, and what stays at the facility: the rule the center and it agreed on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),\s*([0-9A-Fa-f]{4})\)?")
_NUMBERS = ("AccessionNumber", "StudyID")


@dataclass(frozen=True, slots=True)
class Rule:
    """`mark`: all, tag, sidecar or prefix. `default`: store or keep, for what has no mark."""

    mark: str = "all"
    tag: str = ""
    value: str = ""
    store_prefixes: tuple[str, ...] = ()
    keep_prefixes: tuple[str, ...] = ()
    default: str = "store"

    @classmethod
    def told(cls, rule: Mapping[str, Any]) -> "Rule":
        """As the center tells it."""
        return cls(
            mark=rule.get("mark", "all"), tag=rule.get("tag", ""), value=rule.get("value", ""),
            store_prefixes=tuple(rule.get("store_prefixes", ())), keep_prefixes=tuple(rule.get("keep_prefixes", ())),
            default=rule.get("default", "store"),
        )  # fmt: skip

    @property
    def tag_number(self) -> int | None:
        """The element that marks, from its keyword or its numbers."""
        if found := _TAG.fullmatch(self.tag.strip()):
            return int(found[1] + found[2], 16)
        return tag_for_keyword(self.tag.strip())


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an image is to be stored, and whether it says so itself."""

    is_stored: bool
    is_marked: bool


def judge(rule: Rule, header: Dataset, sidecar: Mapping[str, Any] | None, file_name: str) -> Verdict:
    """Pure. `sidecar`: what lies beside the image, if something does; its boolean `store` is the mark."""
    marked: bool | None = None
    match rule.mark:
        case "all":
            return Verdict(is_stored=True, is_marked=True)
        case "tag":
            marked = _by_tag(rule, header)
        case "sidecar":
            said = (sidecar or {}).get("store")
            marked = said if isinstance(said, bool) else None
        case "prefix":
            marked = _by_prefix(rule, header, file_name)
    return Verdict(rule.default == "store" if marked is None else marked, marked is not None)


def _by_tag(rule: Rule, header: Dataset) -> bool | None:
    """True where the element holds the value; None where it is missing or empty."""
    number = rule.tag_number
    text = "" if number is None or number not in header else str(header[number].value or "").strip()
    return None if not text else rule.value.casefold() in text.casefold()


def _by_prefix(rule: Rule, header: Dataset, file_name: str) -> bool | None:
    """By how the image's number begins: the accession number, else the study's, else the file's name."""
    numbers = [str(header.get(keyword, "") or "").strip() for keyword in _NUMBERS]
    number = next((each for each in numbers if each), file_name).casefold()
    if any(number.startswith(prefix.casefold()) for prefix in rule.store_prefixes):
        return True
    if any(number.startswith(prefix.casefold()) for prefix in rule.keep_prefixes):
        return False
    return None
