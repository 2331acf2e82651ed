"""What a Search transaction asks for (PS3.18, 8.3.4 and 10.6.1), and what of it is refused."""

import re
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from pydicom.datadict import dictionary_has_tag, keyword_for_tag, tag_for_keyword

from apps.catalog.attributes import Level
from apps.catalog.matching_keys import UnusableKey, criteria_of
from apps.catalog.search import InvalidCriteria, StudyCriteria
from apps.core.errors import DomainError

MOST_RESULTS = 1000
LARGEST_OFFSET = 1_000_000
ALL = "all"
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_UINT = re.compile(r"[0-9]{1,9}")


class MalformedQuery(DomainError):
    """The query has a parameter that cannot be understood; to ignore it would return what was not asked for."""

    code = "malformed_query"


@dataclass(frozen=True, slots=True)
class Search:
    """`included` holds tags, or ALL; attributes that are matched are included too."""

    criteria: StudyCriteria
    included: frozenset[str]
    offset: int
    limit: int


def read_search(query: QueryDict, level: Level, fixed: dict[str, str]) -> Search:
    """The search of a query string; `fixed` are the UIDs of the path, by keyword. Raises MalformedQuery."""
    criteria: dict[str, Any] = {"is_fuzzy": _is_fuzzy(query)}
    included: set[str] = set()
    for name in query:
        if name in {"limit", "offset", "fuzzymatching"}:
            continue
        if name == "includefield":
            included.update(_tag_or_all(value) for given in query.getlist(name) for value in given.split(",") if value)
            continue
        keyword = _keyword(name)
        if keyword in fixed:
            raise MalformedQuery(f"{keyword} is already given by the address")
        criteria |= _criteria(keyword, level, _only(query, name))
        included.add(_tag(keyword))
    for keyword, uid in fixed.items():
        criteria |= _criteria(keyword, Level.INSTANCE, uid)
    try:
        asked = StudyCriteria(**criteria)
    except InvalidCriteria as error:
        raise MalformedQuery(f"{error.field}: {error.message}") from error
    limit = min(_unsigned(query, "limit", MOST_RESULTS), MOST_RESULTS)
    return Search(asked, frozenset(included), _unsigned(query, "offset", 0, LARGEST_OFFSET), limit)


def _criteria(keyword: str, level: Level, value: str) -> dict[str, Any]:
    try:
        return criteria_of(keyword, level, value)
    except UnusableKey as error:
        raise MalformedQuery(error.message) from error


def _keyword(name: str) -> str:
    """The keyword of a parameter that is a keyword or a tag."""
    if _TAG.fullmatch(name) and dictionary_has_tag(int(name, 16)):
        return keyword_for_tag(int(name, 16))
    if tag_for_keyword(name) is not None:
        return name
    raise MalformedQuery("A parameter is neither an attribute, by keyword or tag, nor one of a search")


def _tag_or_all(name: str) -> str:
    """Attributes that are not kept cannot be included and do no harm, private ones and those in sequences too."""
    if name == ALL:
        return ALL
    first, *_ = [part.upper() if _TAG.fullmatch(part) else _tag(_keyword(part)) for part in name.split(".")]
    return first


def _tag(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


def _only(query: QueryDict, name: str) -> str:
    first, *others = query.getlist(name)
    if others:
        raise MalformedQuery(f"{_keyword(name)} is given more than once")
    return str(first)


def _unsigned(query: QueryDict, name: str, default: int, largest: int | None = None) -> int:
    given = query.getlist(name)
    if not given:
        return default
    if len(given) > 1 or not _UINT.fullmatch(given[0]) or (largest is not None and int(given[0]) > largest):
        raise MalformedQuery(f"{name} is one number from 0" + (f" to {largest}" if largest is not None else " on"))
    return int(given[0])


def _is_fuzzy(query: QueryDict) -> bool:
    given = query.getlist("fuzzymatching") or ["false"]
    if given not in (["true"], ["false"]):
        raise MalformedQuery("fuzzymatching is true or false")
    return given == ["true"]
