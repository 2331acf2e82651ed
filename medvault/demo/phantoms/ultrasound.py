"""Ultrasound: a fan of speckle over a map of what echoes, as 8-bit grey; a liver and kidney, and a beating heart."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from medvault.demo.phantoms.canvas import (
    Canvas,
    Field,
    Points,
    band,
    blurred,
    closed_curve,
    ellipse,
    shrunk,
    smooth_noise,
    widely_blurred,
)
from medvault.demo.phantoms.radiograph import stamp

Grey = NDArray[np.uint8]


class Probe:
    """A fan whose beams start `radius` mm below its centre and reach `depth` mm, `spread` degrees to each side."""

    def __init__(self, rows: int, columns: int, *, radius: float, depth: float, spread: float) -> None:
        self.spacing = (depth + radius * (1 - math.cos(math.radians(spread)))) * 1.1 / rows
        self.canvas = Canvas((rows, columns), self.spacing)
        self.top = float(self.canvas.y[0, 0]) + 0.04 * rows * self.spacing
        centre = self.top - radius * math.cos(math.radians(spread))
        x, y = np.broadcast_arrays(self.canvas.x, self.canvas.y - centre)
        distance, angle = np.hypot(x, y) - radius, np.degrees(np.arctan2(x, y))
        self.fan = (distance > 0) & (distance < depth) & (abs(angle) < spread)
        self.deep = np.clip(distance / depth, 0, 1).astype(np.float32)
        self.lines = (340, 230)
        self.sample = np.clip(self.deep * (self.lines[0] - 1), 0, None).astype(np.intp)
        self.beam = np.clip((angle / spread + 1) / 2 * (self.lines[1] - 1), 0, self.lines[1] - 1).astype(np.intp)

    def speckle(self, rng: np.random.Generator) -> Field:
        """Rayleigh speckle of unit mean, fine along the beam and coarser across it, over the canvas."""
        parts = rng.standard_normal((2, *self.lines), np.float32)
        smooth = np.stack([blurred(part) for part in parts])
        smooth[:, :, 2:-2] = sum(smooth[:, :, shift : shift + self.lines[1] - 4] for shift in range(5)) / 5
        strength = np.hypot(smooth[0], smooth[1])
        return blurred((strength / strength.mean())[self.sample, self.beam])

    def image(self, echo: Field, rng: np.random.Generator) -> Grey:
        """Log-compressed brightness of echo (about 1 is the brightest) and speckle, with a scale of depth."""
        decibel = 20 * np.log10(np.maximum(blurred(echo) * self.speckle(rng), 1e-4)) - 7 * self.deep**2
        values = np.clip(1 + decibel / 52, 0, 1) ** 1.15 * self.fan
        columns = values.shape[1]
        for centimetre in range(int(self.canvas.shape[0] * self.spacing / 10)):
            row = int(values.shape[0] * 0.04 + centimetre * 10 / self.spacing)
            if row < values.shape[0]:
                values[row, columns - (16 if centimetre % 5 == 0 else 12) : columns - 8] = 0.7
        return np.asarray(values * 255, np.uint8)


def liver_and_kidney(seed: int, *, rows: int = 480, columns: int = 640, stone: bool = False) -> tuple[Grey, float]:
    """Liver above the right kidney, or a gallbladder with a stone and its shadow; the image and mm per pixel."""
    rng = np.random.default_rng(seed)
    probe = Probe(rows, columns, radius=55, depth=150, spread=33)
    canvas, top = probe.canvas, probe.top
    canvas.values[:] = 0.055
    canvas.values *= 1 + 0.25 * smooth_noise(rng, canvas.shape, 26, 3)
    for depth, strength in ((6, 0.5), (11, 0.25), (17, 0.45)):
        canvas.paint(band([(-120, top + depth + 12), (0, top + depth), (120, top + depth + 12)], 1.6), strength)
    _tubes(canvas, rng, top)
    if stone:
        _gallbladder(canvas, top)
    else:
        _kidney(canvas, top)
    dome = [(-95, top + 70), (-60, top + 118), (-8, top + 138), (52, top + 132)]
    canvas.paint(band(dome, [1.5, 3.2, 3.4, 1.5]), 0.95)
    image = probe.image(canvas.values, rng)
    _labelled(image, "ABDOMEN  C5-1  15 cm")
    return image, probe.spacing


def _tubes(canvas: Canvas, rng: np.random.Generator, top: float) -> None:
    for _ in range(9):
        x, y, turn = rng.uniform(-60, 30), top + rng.uniform(30, 95), rng.uniform(-0.9, 0.6)
        reach, wide = rng.uniform(10, 24), rng.uniform(2.5, 6.0)
        along, down = reach * math.cos(turn), reach * math.sin(turn)
        path = [(x - along, y - down), (x, y + 2), (x + along, y + down)]
        if rng.uniform() < 0.5:
            canvas.paint(band(path, wide + 2.2), 0.22)
        canvas.paint(band(path, [wide, wide * 0.85, wide * 0.5]), 0.006)


def _kidney(canvas: Canvas, top: float) -> None:
    middle = (28.0, top + 92.0)
    outline = ellipse(*middle, 54, 25, angle=-16)
    canvas.paint(shrunk(outline, -1.6), 0.45)
    canvas.paint(outline, 0.032)
    for turn in np.radians(np.arange(0, 360, 40)):
        across, down = 36 * math.cos(turn), 14 * math.sin(turn) - 10 * math.cos(turn)
        canvas.paint(ellipse(middle[0] + across, middle[1] + down, 6.5, 4.5), 0.014)
    canvas.paint(ellipse(*middle, 30, 8.5, angle=-16), 0.36)
    canvas.paint(ellipse(middle[0] + 4, middle[1], 11, 3, angle=-16), 0.03)


def _gallbladder(canvas: Canvas, top: float) -> None:
    sac = closed_curve(
        [(-20, top + 52), (4, top + 44), (34, top + 52), (46, top + 68), (34, top + 80), (4, top + 74), (-18, top + 64)]
    )
    canvas.paint(shrunk(sac, -1.8), 0.3)
    canvas.paint(sac, 0.003)
    behind = np.array([(2, top + 82), (44, top + 84), (64, top + 170), (0, top + 170)])
    canvas.values *= 1 + 0.7 * widely_blurred(canvas.mask(behind), 8)
    shadow = np.array([(20, top + 76), (34, top + 77), (48, top + 180), (28, top + 180)])
    canvas.values *= 1 - 0.93 * blurred(canvas.mask(shadow), 3)
    canvas.paint(ellipse(27, top + 73, 7.5, 4.5), 1.1)
    canvas.paint(ellipse(27, top + 76, 7, 3), 0.01)


def beating_heart(seed: int, *, frames: int = 20, rows: int = 360, columns: int = 480) -> Iterator[Grey]:
    """One heartbeat, four chambers seen from the apex, frame by frame; with its electrocardiogram."""
    rng = np.random.default_rng(seed)
    probe = Probe(rows, columns, radius=4, depth=160, spread=38)
    texture = 1 + 0.3 * smooth_noise(rng, probe.canvas.shape, 16, 3)
    for frame in range(frames):
        phase = frame / frames
        squeeze = math.sin(math.pi * min(1.0, phase / 0.42)) ** 2 if phase < 0.42 else 0.0
        probe.canvas.values = 0.05 * texture
        _chambers(probe.canvas, probe.top, squeeze, opening=phase > 0.45)
        image = probe.image(probe.canvas.values, rng)
        _labelled(image, "ECHO  A4C  16 cm")
        _electrocardiogram(image, phase)
        yield image


def _chambers(canvas: Canvas, top: float, squeeze: float, *, opening: bool) -> None:
    muscle, blood = 0.16, 0.0035
    ring = top + 92 - 9 * squeeze
    for outline in (ellipse(14, top + 64, 36, 52), ellipse(-26, top + 70, 25, 42), ellipse(0, ring + 28, 56, 34)):
        canvas.paint(shrunk(outline, -3), 0.3)
        canvas.paint(outline, muscle)
    left = 22 * (1 - 0.30 * squeeze)
    canvas.paint(_bullet(16, top + 26 + 8 * squeeze, ring - 1, left), blood)
    canvas.paint(_bullet(-27, top + 40 + 6 * squeeze, ring - 1, 16 * (1 - 0.25 * squeeze)), blood)
    canvas.paint(ellipse(20, ring + 25, 21 + 3 * squeeze, 21 + 3 * squeeze), blood)
    canvas.paint(ellipse(-28, ring + 24, 20 + 3 * squeeze, 20 + 2 * squeeze), blood)
    canvas.paint(band([(-5, ring), (-3, ring + 24), (-2, ring + 48)], 3), 0.3)
    for x, reach in ((16, 19.0), (-27, 15.0)):
        for side in (-1, 1):
            tip = (x + side * 9, ring - 17) if opening else (x + side * 0.5, ring + 1)
            bend = (x + side * reach * 0.6, ring - (9 if opening else 2))
            canvas.paint(band([(x + side * reach, ring), bend, tip], [3, 2, 2.2]), 0.7)


def _bullet(x: float, apex: float, base: float, half: float) -> Points:
    tall = base - apex
    points = [(x, apex), (x + half * 0.7, apex + tall * 0.2), (x + half, apex + tall * 0.55), (x + half * 0.9, base)]
    points += [(x - half * 0.9, base), (x - half, apex + tall * 0.55), (x - half * 0.7, apex + tall * 0.2)]
    return closed_curve(points)


def _labelled(image: Grey, text: str) -> None:
    values = np.zeros(image.shape, np.float32)
    stamp(values, text, (0.02, 0.02), height=0.03)
    np.maximum(image, (values * 200).astype(np.uint8), out=image)


def _electrocardiogram(image: Grey, phase: float) -> None:
    rows, columns = image.shape
    time = (np.arange(columns) / columns * 2) % 1
    waves = ((0.86, 0.025, 0.16), (0.985, 0.008, -0.15), (0.01, 0.010, 1.0), (0.035, 0.01, -0.28), (0.30, 0.045, 0.27))
    trace = sum(tall * np.exp(-((((time - at + 0.5) % 1) - 0.5) ** 2) / (2 * wide**2)) for at, wide, tall in waves)
    row = (rows * 0.965 - np.asarray(trace) * rows * 0.07).astype(np.intp)
    image[row, np.arange(columns)] = 190
    for column in np.flatnonzero(abs(np.diff(row)) > 1):
        image[min(row[column], row[column + 1]) : max(row[column], row[column + 1]), column] = 190
    image[int(rows * 0.88) :, int(phase * columns / 2)] = 255
