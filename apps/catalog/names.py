"""Person names made comparable: folded as a whole, and cut into the parts by which an index finds them.

Under row-level security an index serves comparisons alone, not LIKE or regular expressions: those could betray rows
before the policy has hidden them (PostgreSQL manual, 39.5). What a pattern is sure to contain is therefore looked up
as a range of parts, and the few names found are compared with the whole pattern.
"""

import re
from unicodedata import normalize

from apps.catalog.models import PART
from apps.catalog.text import PersonName

START = "^"  # before a part with which a component or a word begins
_GROUPS = 3
_KATAKANA = {code: code - 0x60 for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)}
_ACCENTS = dict.fromkeys(range(0x300, 0x370))  # not the voicing marks of kana, which tell names apart
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_WORDS = re.compile(r"[\s^=,-]+")


def fold(text: str) -> str:
    """Without difference of case, accent, width, and of hiragana and katakana; single spaces."""
    plain = normalize("NFKC", normalize("NFKC", text).casefold()).translate(_KATAKANA)
    bare = normalize("NFC", normalize("NFD", plain).translate(_ACCENTS)).translate(_LETTERS)
    return " ".join(bare.split())


def fold_group(group: str) -> str:
    """A component group, its components folded, without empty ones at the end."""
    return "^".join(fold(component).replace("=", " ") for component in group.split("^")).rstrip("^")


def folded_name(name: PersonName) -> str:
    """The three component groups, folded, always with both = between them; '' for no name."""
    folded = "=".join(map(fold_group, (name.alphabetic, name.ideographic, name.phonetic)))
    return folded if folded.strip("=") else ""


def name_parts(folded: str) -> set[str]:
    """The parts of a folded name: from every character to the end of its component, and, marked with START, the
    beginnings of components, of words, and of a group written without gaps as Japanese names are.
    """
    starts: set[str] = set()
    parts: set[str] = set()
    for group in filter(None, folded.split("=")):
        components = group.split("^")
        starts.update(components, _WORDS.split(group), ["".join(_WORDS.split(group))])
        parts.update(component[at : at + PART] for component in components for at in range(len(component)))
    parts = {part for part in parts if not part.startswith(" ")}
    return parts | {f"{START}{start}"[:PART] for start in starts if start}


def word_probes(text: str) -> list[str]:
    """The parts that every name has in which each word of the text begins a word."""
    return [f"{START}{word}"[:PART] for word in _WORDS.split(fold(text)) if word]


def probe_of(key: str) -> str:
    """The most telling part that every name matching the key has; '' where the key says too little."""
    candidates = []
    for component in re.split("[=^]", folded_key(key)):
        first, *others = re.split("[*?]+", component)
        candidates += [f"{START}{first}"] if first else []
        candidates += [run.lstrip() for run in others]
    return max(candidates, key=len, default="")[:PART]


def folded_key(key: str) -> str:
    """A key, its groups and components folded; * and ? stay."""
    return "=".join(fold_group(group) for group in key.split("=")[:_GROUPS])
