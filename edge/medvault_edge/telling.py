"""Telling the operator, or another program (`--json`), what came of a command."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

out, err = Console(), Console(stderr=True)


def told(content: Any, *, as_json: bool, table: Table | None = None, sentence: str = "") -> None:
    """Print as JSON, or as a table and a sentence."""
    if as_json:
        print(json.dumps(content, default=_plain, ensure_ascii=False))  # noqa: T201
        return
    if table is not None and table.row_count:
        out.print(table)
    if sentence:
        out.print(sentence, highlight=False, soft_wrap=True)


def bar() -> Progress:
    """A progress bar in bytes, which leaves no trace."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=err, transient=True)


def table(title: str, *columns: str) -> Table:
    """An empty table; columns whose name ends with a colon are numbers."""
    made = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        is_number = column.endswith(":")
        made.add_column(column.rstrip(":"), justify="right" if is_number else "left", overflow="fold")
    return made


def counted(number: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(length: int) -> str:
    """Bytes as people read them."""
    value, unit = float(length), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value) if isinstance(value, Path) else sorted(value)
