"""Numbers in the queries of addresses, which anybody can make up."""

from collections.abc import Iterable

MOST_DIGITS = 18  # all of them fit PostgreSQL's bigint


def whole_number(text: str) -> int | None:
    """The number that decimal digits stand for; None for anything else, and for more than a database can hold."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None


def whole_numbers(texts: Iterable[str]) -> list[int]:
    """Those of the texts that are whole numbers."""
    return [number for number in map(whole_number, texts) if number is not None]
