"""Cells of CSV files: nothing that a spreadsheet computes, and nothing lost for our own reader."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.csv_cells import harmless, meant, write_csv

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1", "'=1", "''", "'"]


@pytest.mark.parametrize("cell", HOSTILE)
def test_what_a_spreadsheet_computes_is_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_nor_is_it_behind_what_is_a_separator_elsewhere() -> None:
    assert harmless("Mori;=1+1;-1;x") == "Mori;'=1+1;'-1;x"
    assert meant("Mori;'=1+1;'-1;x") == "Mori;=1+1;-1;x"


@pytest.mark.parametrize("cell", ["", "A-1", "森^遥", "1 = 1", "O'Brien", "'tis", "<script>"])
def test_what_is_text_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell or cell.startswith("'")
    assert meant(cell) == cell


@given(st.text() | st.sampled_from(HOSTILE) | st.text(alphabet=";'=-"))
def test_our_own_reader_has_what_was_meant(cell: str) -> None:
    assert meant(harmless(cell)) == cell


def test_a_file_is_read_back_as_it_was_written() -> None:
    rows = [[cell, 'say "x", then', 5] for cell in HOSTILE]
    text = write_csv(["a", "b", "c"], rows).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == ["a", "b", "c"]
    assert [[meant(cell) for cell in row] for row in read[1:]] == [[str(cell) for cell in row] for row in rows]
    assert not [cell for row in read for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
