"""Keys with the wildcards * and ? (PS3.4, C.2.2.2.4) as conditions that PostgreSQL can look up."""

import re
import sys

from django.db.models import Q

_SURROGATES = range(0xD800, 0xE000)
_WILDCARD = re.compile(r"[*?]")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def has_wildcard(key: str) -> bool:
    return bool(_WILDCARD.search(key))


def within_prefix(field: str, prefix: str) -> Q:
    """`field`, of a bytewise collation, begins with `prefix`: a range, for an index."""
    range_ = Q(**{f"{field}__gte": prefix})
    end = _after(prefix)
    return range_ & Q(**{f"{field}__lt": end}) if end else range_


def matches_identifier(field: str, key: str) -> Q:
    """`field`, of a bytewise collation, matches the key, in which upper and lower case differ."""
    prefix, *rest = _WILDCARD.split(key)
    if not rest:
        return Q(**{field: key})
    range_ = within_prefix(field, prefix) if prefix else Q()
    return range_ if key == f"{prefix}*" else range_ & Q(**{f"{field}__regex": f"^{_regex(key)}$"})


def matches_text(field: str, key: str) -> Q:
    """`field` matches the key, whatever the case. No index serves this."""
    if not has_wildcard(key):
        return Q(**{f"{field}__iexact": key})
    return Q(**{f"{field}__iregex": f"^{_regex(key)}$"})


def name_regex(key: str) -> str:
    """A regular expression for names with = between their component groups.

    Component by component; one that the key leaves empty or out matches any (`Yamada` finds `Yamada^Tarou`), and *
    goes beyond ^. A key of one group may match any group, one of several each its own.
    """
    groups = [_group_regex(group) for group in key.split("=")]
    return f"(^|=){groups[0]}(=|$)" if len(groups) == 1 else f"^{'='.join(groups)}(=|$)"


def _group_regex(group: str) -> str:
    if not group.strip("^*"):
        return "[^=]*"
    components = [_regex(component, "[^=]") or "[^=^]*" for component in group.rstrip("^").split("^")]
    return r"\^".join(components) + r"(\^[^=]*)?"


def _regex(key: str, any_character: str = ".") -> str:
    """POSIX, as PostgreSQL reads it; everything but * and ? stands for itself."""
    wildcards = {"*": f"{any_character}*", "?": any_character}
    collapsed = re.sub(r"\*+", "*", key)
    return "".join(wildcards.get(character) or _PUNCTUATION.sub(r"\\\g<0>", character) for character in collapsed)


def _after(prefix: str) -> str:
    """The least text that is greater than all with the prefix; '' if there is none. UTF-8 sorts by code point."""
    shortened = prefix.rstrip(chr(sys.maxunicode))
    if not shortened:
        return ""
    following = ord(shortened[-1]) + 1
    return shortened[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
