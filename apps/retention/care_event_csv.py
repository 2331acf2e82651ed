"""Care events as a file of comma-separated values, as practice software and spreadsheets write it (RFC 4180)."""

import csv
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from apps.core.csv_cells import meant, write_csv
from apps.core.errors import DomainError
from apps.retention.care_event_lists import MOST, Checked, Line

MOST_BYTES = 1_000_000
PATIENT_ID, EVENT, DATE, ISSUER = "patient_id", "event", "date", "issuer"
NEEDED = (PATIENT_ID, EVENT, DATE)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class UnreadableList(DomainError):
    """A file is not such a list, so that nothing in it can be taken."""

    code = "unreadable_list"


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark. Raises UnreadableList: others are not guessed at."""
    if len(content) > MOST_BYTES:
        raise UnreadableList(_("The file has more than a million bytes: send it in parts"))
    try:
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableList(_("The file is not in UTF-8: save it as “CSV UTF-8”")) from error
    if "\0" in text:
        raise UnreadableList(_("The file is not text: save it as “CSV UTF-8”"))
    return text


def read_lines(text: str) -> list[Line]:
    """The lines below the heading, by their number in the file. Raises UnreadableList."""
    rows = csv.reader(text.splitlines(keepends=True), delimiter=_delimiter(text), strict=True)
    try:
        heading = next(rows, [])
        lines = list(_lines(rows, _columns(heading)))
    except csv.Error as error:
        raise UnreadableList(
            _("Line %(number)d is not CSV: %(error)s") % {"number": rows.line_num, "error": error}
        ) from error
    if not lines:
        raise UnreadableList(_("There is no line below the heading"))
    if len(lines) > MOST:
        raise UnreadableList(_("There are more than %(most)d lines: send them in parts") % {"most": MOST})
    return lines


def refused_lines(checked: Iterable[Checked]) -> bytes:
    """The lines that were not taken and why, as a file that can be corrected and sent again."""
    return write_csv(
        [PATIENT_ID, EVENT, DATE, ISSUER, "refused"],
        (
            (each.line.patient_id, each.line.event, each.line.day, each.line.issuer, each.refusal.message)
            for each in checked
            if each.refusal
        ),
    )


def _delimiter(text: str) -> str:
    """Spreadsheets separate by what their country does not write in numbers."""
    heading = text.partition("\n")[0]
    return max(",;\t", key=heading.count)


def _columns(heading: list[str]) -> dict[str, int]:
    columns = {name.strip().casefold(): number for number, name in enumerate(heading)}
    if absent := [name for name in NEEDED if name not in columns]:
        raise UnreadableList(_("The first line names the columns; missing: %(absent)s") % {"absent": ", ".join(absent)})
    return columns


def _lines(rows: Iterator[list[str]], columns: dict[str, int]) -> Iterator[Line]:
    for row in rows:
        if any(cell.strip() for cell in row):
            cells = {name: meant(row[at]).strip() for name, at in columns.items() if at < len(row)}
            given = [cells.get(name, "") for name in (PATIENT_ID, EVENT, DATE, ISSUER)]
            yield Line(rows.line_num, *given)  # type: ignore[attr-defined]
