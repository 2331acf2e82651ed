"""Cells of the CSV files that we give out: spreadsheets compute what looks like a formula, wherever it came from.

What would be computed gets an apostrophe in front, by which spreadsheets take it as text (OWASP, CSV injection); who
reads our own files takes it away again.
"""

import csv
import io
from collections.abc import Iterable, Sequence

_COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_TEXT = "'"


def harmless(value: object) -> str:
    """A cell that no spreadsheet computes."""
    cell = str(value)
    return f"{_TEXT}{cell}" if cell.startswith((_TEXT, *_COMPUTED)) else cell


def meant(cell: str) -> str:
    """What `harmless` was given; of a file of somebody else's, the cell as it is."""
    return cell[1:] if cell.startswith(_TEXT) and cell[1:].startswith((_TEXT, *_COMPUTED)) else cell


def write_csv(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A file (RFC 4180) in UTF-8 with its mark, by which spreadsheets know it; numbers and dates stay what they are."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(heading)
    writer.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")
