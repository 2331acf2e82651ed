"""Bars as SVG, laid out on the server: no script, and readable as a table."""

from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT, GAP = 720, 180, 14


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in the chart's units; `tone` numbers its series from 1."""

    x: float
    y: float
    width: float
    height: float
    tone: int
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, and the same numbers as rows for a table: month, values by series."""

    bars: list[Bar]
    months: list[tuple[float, date]]
    legend: list[tuple[int, str]]
    rows: list[tuple[date, list[int]]]
    top: int
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return self.top == 0


def stacked_bars(months: list[date], series: dict[str, list[int]]) -> Chart:
    """One bar a month, a segment for each series, the first at the bottom."""
    totals = [sum(values[n] for values in series.values()) for n in range(len(months))]
    top = max(totals, default=0)
    step = WIDTH / len(months)
    bars = []
    for n, month in enumerate(months):
        floor = float(HEIGHT)
        for tone, (name, values) in enumerate(series.items(), 1):
            if values[n]:
                height = round(values[n] / top * HEIGHT, 2)
                floor -= height
                label = f"{month:%Y-%m}: {name} {values[n]}"
                bars.append(Bar(round(n * step + GAP / 2, 2), round(floor, 2), step - GAP, height, tone, label))
    return Chart(
        bars=bars,
        months=[(round((n + 0.5) * step, 2), month) for n, month in enumerate(months)],
        legend=list(enumerate(series, 1)),
        rows=[(month, [values[n] for values in series.values()]) for n, month in enumerate(months)],
        top=top,
    )
