"""Numbers in the queries of addresses, which anybody can make up."""

MOST_DIGITS = 18  # all of them fit PostgreSQL's bigint


def whole_number(text: str) -> int | None:
    """The number that decimal digits stand for; None for anything else, and for more than a database can hold."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None
