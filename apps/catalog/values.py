"""Dates, times and integers of DICOM values (PS3.5 6.2). Junk raises ValueError; an empty value is None."""

import re
from datetime import date, time
from functools import lru_cache
from typing import Literal

_DATE = re.compile(rb"(\d{4})(\.?)(\d\d)\2(\d\d)")
_TIME = re.compile(rb"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6})\d{0,3})?)?)?")
_INTEGER = re.compile(rb"[+-]?\d{1,12}(?:\.0*)?")
_LEAP_SECOND = 60
_LARGEST_INTEGER = 2**31 - 1


def first_value(raw: bytes) -> bytes:
    """The first of several values, without padding."""
    return raw.partition(b"\\")[0].strip(b"\0 ")


def date_of(raw: bytes) -> date | None:
    """DA: YYYYMMDD, or YYYY.MM.DD as before DICOM 3.0."""
    value = first_value(raw)
    return _date(value) if value else None


def time_of(raw: bytes) -> time | None:
    """TM: HH, HHMM, HHMMSS, with a fraction or colons; beyond microseconds is dropped, second 60 becomes 59."""
    value = first_value(raw)
    return _time(value) if value else None


def integer_of(raw: bytes) -> int | None:
    """IS within 32 bits; a decimal point is accepted when only zeros follow it."""
    value = first_value(raw)
    if not value:
        return None
    if not _INTEGER.fullmatch(value):
        raise ValueError("no integer")
    number = int(value.partition(b".")[0])
    if abs(number) > _LARGEST_INTEGER:
        raise ValueError("integer beyond 32 bits")
    return number


def count_of(raw: bytes) -> int | None:
    """IS that counts things."""
    number = integer_of(raw)
    if number is not None and number < 0:
        raise ValueError("negative count")
    return number


def little_endian_short_of(raw: bytes) -> int | None:
    """US; the first of several."""
    return _short_of(raw, "little")


def big_endian_short_of(raw: bytes) -> int | None:
    """US; the first of several."""
    return _short_of(raw, "big")


def _short_of(raw: bytes, order: Literal["little", "big"]) -> int | None:
    if len(raw) % 2:
        raise ValueError("odd length")
    return int.from_bytes(raw[:2], order) if raw else None


# Only what parses is cached, and that is short: a cache must not hold what a sender made long.
@lru_cache(maxsize=4096)
def _date(value: bytes) -> date:
    match = _DATE.fullmatch(value)
    if not match:
        raise ValueError("no date")
    return date(int(match[1]), int(match[3]), int(match[4]))


@lru_cache(maxsize=4096)
def _time(value: bytes) -> time:
    match = _TIME.fullmatch(value)
    if not match:
        raise ValueError("no time")
    hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3))
    return time(hour, minute, 59 if second == _LEAP_SECOND else second, int((match[4] or b"").ljust(6, b"0")))
