"""What identifies in an object before it is de-identified, to be looked for afterwards, wherever it may stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom import DataElement, Dataset

from apps.orders.kinds.deidentified.table import CHARACTERISTICS, DESCRIPTORS, Action, action_of
from apps.orders.kinds.deidentified.words import vocabulary

_NAMES = "PN"
_TEXTS = frozenset(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"))
_IDENTIFIERS = frozenset(("AE", "LO", "SH", "UC", "UR"))
_LEAST = 4
_LEAST_WORD = 3
_LEAST_IDEOGRAPHS = 2
_STANDARD = "1.2.840.10008."
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Identifying:
    """Words of names, other values wherever they stand in a text, all casefolded; and UIDs."""

    words: frozenset[str]
    values: frozenset[str]
    uids: frozenset[str]

    def is_in(self, text: str, *, is_code: bool = False) -> bool:
        """Whether a text has one of the words or values. In a code, words of DICOM's vocabulary name nobody."""
        folded = text.casefold()
        words = self.words.intersection(_words(folded)) - (vocabulary() if is_code else frozenset())
        return bool(words) or any(_stands_in(value, folded) for value in self.values)

    def scrub(self, data_set: Dataset) -> None:
        """Empty texts that have one of them, in attributes that the table does not know."""
        for element in elements(data_set):
            if self.remains_in(element):
                element.value = [] if element.VR == "SQ" else None

    def remains_in(self, element: DataElement) -> bool:
        """Whether an element has a value that identified."""
        if element.VR == "UI":
            return any(str(value) in self.uids for value in _values(element))
        is_code = element.VR == "CS"
        is_text = element.VR in {*_TEXTS, _NAMES}
        return is_text and any(self.is_in(str(value), is_code=is_code) for value in _values(element))


def identifying_of(data_set: Dataset) -> Identifying:
    """From the values of all attributes that the table of the profile names, and all names of persons."""
    words: set[str] = set()
    values: set[str] = set()
    uids: set[str] = set()
    for element in elements(data_set):
        action = action_of(int(element.tag))
        for value in map(str, _values(element)):
            if element.VR == _NAMES:
                words.update(word for word in _words(value.casefold()) if len(word) >= _LEAST_WORD and word.isascii())
                values.update(_in_scripts(value.casefold()))
            elif element.VR == "UI":
                if action is Action.REPLACE_UID and not value.startswith(_STANDARD):
                    uids.add(value)
            elif action and int(element.tag) not in DESCRIPTORS | CHARACTERISTICS and element.VR in _IDENTIFIERS:
                values.update([value.strip().casefold()] if len(value.strip()) >= _LEAST else [])
    return Identifying(frozenset(words), frozenset(values), frozenset(uids))


def elements(data_set: Dataset) -> Iterator[DataElement]:
    """All that are not private, in sequences too."""
    for tag in list(data_set.keys()):
        if tag.is_private:
            continue
        element = data_set[tag]
        yield element
        if element.VR == "SQ":
            for item in element.value or ():
                yield from elements(item)


def has_private(data_set: Dataset) -> bool:
    """Whether anything private is in a data set or its sequences."""
    if any(tag.is_private for tag in data_set.keys()):  # noqa: SIM118 a data set yields its elements, converted
        return True
    sequences = (element for element in elements(data_set) if element.VR == "SQ")
    return any(has_private(item) for element in sequences for item in element.value or ())


def _values(element: DataElement) -> list[object]:
    if element.VR == "SQ" or not element.VM:
        return []
    return list(element.value) if element.VM > 1 else [element.value]


def _in_scripts(name: str) -> Iterator[str]:
    """Of names that are written without spaces in texts: the components, and family and given name together."""
    for group in name.split("="):
        parts = [part for part in group.split("^") if part]
        yield from (part for part in [*parts, "".join(parts)] if not part.isascii() and len(part) >= _LEAST_IDEOGRAPHS)


def _stands_in(value: str, text: str) -> bool:
    """As a word, where words are set apart: 1234 is not in 121234."""
    if value not in text or not value.isascii():
        return value in text
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
