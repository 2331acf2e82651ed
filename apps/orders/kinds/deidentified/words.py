"""Words that may stay in descriptions: DICOM's own, and those of acquisitions; nobody is named by them."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|\s+|_")
ACQUISITION = Path(__file__).with_name("acquisition_words.txt")


@cache
def vocabulary() -> frozenset[str]:
    """Words of the meanings of all concepts of PS3.16 that pydicom knows."""
    return frozenset((*ACQUISITION.read_text("ascii").split(), *_words()))


def cleaned(text: str, identifying: frozenset[str]) -> str:
    """The words of a description that are in the vocabulary and identify nobody here, with numbers below 100."""
    kept = [
        word for word in _WORD.findall(text)
        if not word.isalnum() or (word.isdigit() and len(word) < 3)
        or (word.casefold() in vocabulary() and word.casefold() not in identifying)
    ]  # fmt: skip
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def _words() -> Iterator[str]:
    from pydicom.sr._concepts_dict import concepts  # noqa: PLC0415 tens of megabytes, for who de-identifies alone

    for names in concepts.values():
        for name in names:
            yield from (word.casefold() for word in re.findall(r"[A-Z][a-z]+|[A-Z]{2,}|[a-z]+", name))
