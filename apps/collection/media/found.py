"""What is found on a medium, whatever kind of medium it is."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

LONGEST_NAME = 400
PIECE = 1 << 20


class NotTaken(Exception):
    """A fact about one entry of a medium for which its bytes are not received.

    code: a stable word for programs. message: a sentence for staff, without the entry's name.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a medium, `parts` being its path there as it stands.

    `read` gives its bytes in pieces and raises NotTaken where there are none to be had.
    """

    parts: tuple[str, ...]
    read: Callable[[], Iterable[bytes]]

    @property
    def name(self) -> str:
        """The path as it may be shown and stored: one line, printable, at most LONGEST_NAME characters.

        It never becomes a path again. Of one that is too long the end is kept.
        """
        shown = "".join(c if _is_shown(c) else "\N{REPLACEMENT CHARACTER}" for c in "/".join(self.parts))
        return shown if len(shown) <= LONGEST_NAME else "…" + shown[1 - LONGEST_NAME :]


def not_taken(parts: tuple[str, ...], code: str, message: str) -> Found:
    """An entry that is known not to be receivable before it is read."""

    def read() -> Iterator[bytes]:
        raise NotTaken(code, message)

    return Found(parts, read)


def _is_shown(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"
