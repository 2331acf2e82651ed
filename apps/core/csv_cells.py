"""Cells of CSV files that are opened in spreadsheets."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: object) -> str:
    """A cell that no spreadsheet takes for a formula: what would begin one is quoted."""
    cell = str(text)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
