"""Painting in millimetres: outlines, coverage and smooth noise, from which every image here is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Field = NDArray[np.float32]
Points = NDArray[np.float64]
Pairs = Sequence[tuple[float, float]] | Points
Window = tuple[slice, slice]

_FINE = 3  # polygons are drawn this much finer, then averaged: soft edges
_LARGE = 10_000  # pixels; in larger windows twice as fine will do


def ellipse(x: float, y: float, rx: float, ry: float, *, angle: float = 0.0, power: float = 2.0) -> Points:
    """An outline around (x, y) with half axes rx and ry in mm, turned by `angle` degrees; power > 2 squares it off."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    cosine, sine = np.cos(turn), np.sin(turn)
    points = np.stack(
        [rx * np.sign(cosine) * abs(cosine) ** (2 / power), ry * np.sign(sine) * abs(sine) ** (2 / power)], axis=1
    )
    radians = np.radians(angle)
    rotation = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    return np.asarray(points @ rotation + (x, y))


def closed_curve(points: Pairs, steps: int = 8) -> Points:
    """A closed Catmull-Rom curve through the points."""
    knots = np.asarray(points, float)
    return _catmull_rom(np.roll(knots, 1, 0), knots, np.roll(knots, -1, 0), np.roll(knots, -2, 0), steps)


def open_curve(points: Pairs, steps: int = 8) -> Points:
    """An open Catmull-Rom curve from the first point to the last."""
    knots = np.asarray(points, float)
    long = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    return np.vstack([_catmull_rom(long[:-3], long[1:-2], long[2:-1], long[3:], steps), knots[-1:]])


def _catmull_rom(before: Points, start: Points, end: Points, after: Points, steps: int) -> Points:
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (points[:, None, :] for points in (before, start, end, after))
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(curve.reshape(-1, 2))


def band(points: Pairs, width: float | Sequence[float] | NDArray[np.float64], steps: int = 8) -> Points:
    """The outline of a ribbon along an open curve, `width` mm wide in all or at each point."""
    path = open_curve(points, steps)
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / (np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9)
    widths = np.atleast_1d(np.asarray(width, float))
    half = np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    return np.vstack([path + across * half, (path - across * half)[::-1]])


def shrunk(outline: Points, by: float) -> Points:
    """The outline `by` mm further in (towards its middle; out where negative)."""
    offset = outline - outline.mean(0)
    length = np.hypot(offset[:, 0], offset[:, 1])[:, None] + 1e-9
    return np.asarray(outline - offset / length * np.minimum(by, length))


def mirrored(points: Pairs) -> Points:
    return np.asarray(points, float) * (-1, 1)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 1) -> Field:
    """Value noise of about unit deviation; features are `cell` pixels wide, each octave half the width and weight."""
    quarter = (shape[0] // 4 + 1, shape[1] // 4 + 1)
    coarse, total = np.zeros(quarter, np.float32), np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = max(1.0, cell / 2**octave)
        lattice = rng.standard_normal((int(shape[0] / size) + 3, int(shape[1] / size) + 3), np.float32)
        if size > 16:  # wide features need no fine grid
            coarse += resized(lattice, quarter) / 2**octave
        else:
            total += resized(lattice, shape) / 2**octave
    return total + resized(coarse, shape) if cell > 16 else total


def resized(field: Field, shape: tuple[int, int], resampling: Image.Resampling = Image.Resampling.BICUBIC) -> Field:
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), resampling))


def blurred(field: Field, times: int = 1) -> Field:
    """The field after the 1-2-1 filter in both directions, `times` over; an edge is filtered along itself only."""
    for _ in range(times):
        down = field * np.float32(0.5)
        down[1:-1] += (field[:-2] + field[2:]) * np.float32(0.25)
        down[[0, -1]] *= 2
        field = down * np.float32(0.5)
        field[:, 1:-1] += (down[:, :-2] + down[:, 2:]) * np.float32(0.25)
        field[:, [0, -1]] *= 2
    return field


def widely_blurred(field: Field, pixels: int) -> Field:
    """A cheap wide blur: averaged over blocks of `pixels`, then made smooth again."""
    small = np.asarray(Image.fromarray(np.ascontiguousarray(field, np.float32)).reduce(pixels))
    return resized(blurred(small), (field.shape[0], field.shape[1]), Image.Resampling.BILINEAR)


@dataclass
class Canvas:
    """float32 values over rows x columns of `spacing` mm; (0, 0) mm is the middle, x to the right, y down.

    With `channels`, the values are len(channels) x rows x columns and what is painted has a value for each of them.
    `sway` = (amplitude in mm, three phases) bends every outline a little, so that no two patients are alike.
    """

    shape: tuple[int, int]
    spacing: float
    background: float = 0.0
    scale: float = 1.0
    sway: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    channels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.values: Field = np.full((*self._depth, *self.shape), self.background, np.float32)

    @property
    def _depth(self) -> tuple[int, ...]:
        return (len(self.channels),) if self.channels else ()

    @cached_property
    def x(self) -> Field:
        """Millimetres right of the middle, 1 x columns."""
        return ((np.arange(self.shape[1], dtype=np.float32) - (self.shape[1] - 1) / 2) * self.spacing)[None, :]

    @cached_property
    def y(self) -> Field:
        """Millimetres below the middle, rows x 1."""
        return ((np.arange(self.shape[0], dtype=np.float32) - (self.shape[0] - 1) / 2) * self.spacing)[:, None]

    def pixels(self, outline: Pairs) -> Points:
        """Where the points are, as (column, row)."""
        points = np.asarray(outline, float)
        amplitude, one, two, three = self.sway
        if amplitude:
            x, y = points[:, 0], points[:, 1]
            bend = np.stack(
                [
                    np.sin(y / 31 + one) + 0.6 * np.sin(x / 19 + y / 23 + two),
                    np.sin(x / 37 + three) + 0.6 * np.sin(x / 17 - y / 29 + one),
                ],
                axis=1,
            )
            points = points + amplitude * bend
        return points * self.scale / self.spacing + ((self.shape[1] - 1) / 2, (self.shape[0] - 1) / 2)

    def coverage(self, outline: Pairs) -> tuple[Window, Field]:
        """The window of pixels around the outline and how much of each lies inside, 0 to 1."""
        points = self.pixels(outline)
        window = self._window(points.min(0), points.max(0))
        height, width = window[0].stop - window[0].start, window[1].stop - window[1].start
        if height <= 0 or width <= 0:
            return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), np.float32)
        fine = _FINE if width * height < _LARGE else 2
        mask = Image.new("L", (width * fine, height * fine))
        local = (points - (window[1].start - 0.5, window[0].start - 0.5)) * fine
        ImageDraw.Draw(mask).polygon(local.ravel().tolist(), fill=255)
        return window, np.asarray(mask.reduce(fine), np.float32) / np.float32(255)

    def paint(self, outline: Pairs, value: float | Field, opacity: float = 1.0) -> None:
        """Replace what is inside by the value, or by a field of the canvas's shape."""
        window, alpha = self.coverage(outline)
        inside = self.values[(..., *window)]
        inside += alpha * opacity * (self._within(value, window) - inside)

    def fill(self, share: Field, value: float | Field) -> None:
        """Replace `share` (0 to 1, for every pixel) of what is there by the value."""
        self.values += share * (value - self.values)

    def add(self, outline: Pairs, amount: float | Field) -> None:
        """Add to what is inside."""
        window, alpha = self.coverage(outline)
        self.values[(..., *window)] += alpha * self._within(amount, window)

    def _within(self, value: float | Field, window: Window) -> float | Field:
        if isinstance(value, np.ndarray) and value.shape[-2:] == self.shape:
            return value[(..., *window)]
        return value

    def mask(self, *outlines: Pairs) -> Field:
        """How much of each pixel of the canvas lies in any of the outlines, 0 to 1."""
        whole = np.zeros(self.shape, np.float32)
        for outline in outlines:
            window, alpha = self.coverage(outline)
            whole[window] = np.maximum(whole[window], alpha)
        return whole

    def strokes(self, segments: Points, widths: NDArray[np.float64]) -> Field:
        """The coverage of round-ended lines: segments n x 2 x 2 in mm, widths in mm."""
        fine = 2
        mask = Image.new("L", (self.shape[1] * fine, self.shape[0] * fine))
        draw = ImageDraw.Draw(mask)
        ends = ((self.pixels(segments.reshape(-1, 2)) + 0.5) * fine).reshape(-1, 4)
        for (x0, y0, x1, y1), width in zip(ends.tolist(), (widths * self.scale / self.spacing * fine), strict=True):
            draw.line((x0, y0, x1, y1), fill=255, width=max(1, round(width)))
            if width > 2.5:
                draw.ellipse((x1 - width / 2, y1 - width / 2, x1 + width / 2, y1 + width / 2), fill=255)
        return np.asarray(mask.reduce(fine), np.float32) / np.float32(255)

    def _window(self, low: Points, high: Points) -> Window:
        (left, top), (right, bottom) = np.floor(low).astype(int) - 1, np.ceil(high).astype(int) + 2
        rows, columns = self.shape
        return slice(max(0, top), min(rows, bottom)), slice(max(0, left), min(columns, right))
