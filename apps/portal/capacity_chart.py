"""How full a disk was over time, as the points of an SVG polygon laid out on the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from apps.collection.forecast import Reading

WIDTH, HEIGHT = 720, 160
ROWS = 12  # of the table that says the same


@dataclass(frozen=True, slots=True)
class CapacityChart:
    """`line`: points of the used part, in the chart's units; `ahead`: those of the forecast, "" without one; `limit`:
    where collecting starts by itself; `ends`: first and last time.
    """

    line: str
    area: str
    limit: float
    ends: tuple[datetime, datetime]
    rows: list[tuple[datetime, int]]
    ahead: str = ""
    width: int = WIDTH
    height: int = HEIGHT


def capacity_chart(
    readings: Sequence[Reading], *, limit_percent: int, full_on: date | None = None
) -> CapacityChart | None:
    """None from fewer than two readings. The time until it is full takes half of the chart at most."""
    if len(readings) < 2:
        return None
    first, last = readings[0].at, readings[-1].at
    full_at = datetime.combine(full_on, time(), last.tzinfo) if full_on else last
    end = min(max(full_at, last), last + (last - first))
    span = max((end - first).total_seconds(), 1.0)
    points = [(_across(each.at, first, span), _down(each)) for each in readings]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    every = max(1, len(readings) // ROWS)
    return CapacityChart(
        line=line,
        area=f"0,{HEIGHT} {line} {points[-1][0]:.1f},{HEIGHT}",
        limit=HEIGHT * (1 - limit_percent / 100),
        ends=(first, end),
        rows=[(each.at, 100 * each.used_bytes // each.total_bytes) for each in readings[::every]],
        ahead=_ahead(points[-1], (end - last) / (full_at - last)) if end > last else "",
    )


def _across(at: datetime, first: datetime, span: float) -> float:
    return (at - first).total_seconds() / span * WIDTH


def _down(reading: Reading) -> float:
    return HEIGHT * (1 - reading.used_bytes / reading.total_bytes)


def _ahead(last: tuple[float, float], share: float) -> str:
    """From the last point towards full, as much of the way as the chart shows."""
    x, y = last
    return f"{x:.1f},{y:.1f} {WIDTH},{y * (1 - share):.1f}"
