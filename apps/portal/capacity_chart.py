"""How full a disk was over time, as the points of an SVG polygon laid out on the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.collection.forecast import Reading

WIDTH, HEIGHT = 720, 160
ROWS = 12  # of the table that says the same


@dataclass(frozen=True, slots=True)
class CapacityChart:
    """`line`: points of the used part, in the chart's units; `limit`: where collecting starts by itself; `ends`: first
    and last time.
    """

    line: str
    area: str
    limit: float
    ends: tuple[datetime, datetime]
    rows: list[tuple[datetime, int]]
    width: int = WIDTH
    height: int = HEIGHT


def capacity_chart(readings: Sequence[Reading], *, limit_percent: int) -> CapacityChart | None:
    """None from fewer than two readings."""
    if len(readings) < 2:
        return None
    first, last = readings[0].at, readings[-1].at
    span = max((last - first).total_seconds(), 1.0)
    across = [(each.at - first).total_seconds() / span * WIDTH for each in readings]
    down = [HEIGHT * (1 - each.used_bytes / each.total_bytes) for each in readings]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
    every = max(1, len(readings) // ROWS)
    return CapacityChart(
        line=line,
        area=f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}",
        limit=HEIGHT * (1 - limit_percent / 100),
        ends=(first, last),
        rows=[(each.at, 100 * each.used_bytes // each.total_bytes) for each in readings[::every]],
    )
