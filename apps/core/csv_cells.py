"""Cells of the CSV files that we give out: spreadsheets compute what looks like a formula, wherever it came from.

What would be computed gets an apostrophe in front, by which spreadsheets take it as text (OWASP, CSV injection); who
reads our own files takes it away again. So does what stands behind a semicolon: where the comma is that of decimals,
spreadsheets begin a cell there.
"""

import csv
import io
from collections.abc import Iterable, Sequence

_COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_TEXT = "'"
_ELSEWHERE = ";"


def harmless(value: object) -> str:
    """A cell that no spreadsheet computes."""
    return _ELSEWHERE.join(
        f"{_TEXT}{part}" if part.startswith((_TEXT, *_COMPUTED)) else part for part in str(value).split(_ELSEWHERE)
    )


def meant(cell: str) -> str:
    """What `harmless` was given; of a file of somebody else's, the cell as it is."""
    return _ELSEWHERE.join(
        part[1:] if part.startswith(_TEXT) and part[1:].startswith((_TEXT, *_COMPUTED)) else part
        for part in cell.split(_ELSEWHERE)
    )


def write_csv(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A file (RFC 4180) in UTF-8 with its mark, by which spreadsheets know it; numbers and dates stay what they are."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(heading)
    writer.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")
