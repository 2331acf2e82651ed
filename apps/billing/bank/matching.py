"""Finding the invoice that a transfer names: its number in the purpose, however people write it. Pure."""

from collections.abc import Iterable, Mapping


def invoices_named(purpose: str, numbers: Mapping[str, int]) -> set[int]:
    """The invoices whose numbers, as `plain` writes them, stand in a purpose.

    Case, spaces, hyphens and the like do not matter. A number that goes on as a longer one is another number.
    """
    kept = [(place, each.upper()) for place, each in enumerate(purpose) if _counts(each)]
    text = "".join(each for _place, each in kept)
    found = set()
    for length in {len(number) for number in numbers}:
        for start in range(len(text) - length + 1):
            key = numbers.get(text[start : start + length])
            if key is not None and not _goes_on(kept, start, start + length):
                found.add(key)
    return found


def by_plain_number(invoices: Iterable[tuple[int, str]]) -> dict[str, int]:
    """Invoices by their numbers, without what people leave out or write otherwise."""
    return {"".join(filter(_counts, number.upper())): key for key, number in invoices}


def _counts(each: str) -> bool:
    return each.isascii() and each.isalnum()


def _goes_on(kept: list[tuple[int, str]], start: int, end: int) -> bool:
    """Whether a digit touches the end of what was found, or a letter its beginning."""
    after, before = kept[end : end + 1], kept[start - 1 : start] if start else []
    is_longer = any(place == kept[end - 1][0] + 1 and each.isdigit() for place, each in after)
    return is_longer or any(place == kept[start][0] - 1 and each.isalpha() for place, each in before)
