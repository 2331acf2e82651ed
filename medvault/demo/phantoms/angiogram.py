"""A coronary angiogram: contrast runs through a branching artery over a beating heart's faint shadow, 8-bit grey."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from medvault.demo.phantoms.canvas import (
    Canvas,
    Points,
    band,
    blurred,
    closed_curve,
    open_curve,
    smooth_noise,
    widely_blurred,
)

# Paths in mm, where along the flow they begin (0 the catheter's tip), and their widths at both ends.
_BRANCHES: tuple[tuple[tuple[tuple[float, float], ...], float, float, float], ...] = (
    (((-28, -42), (-20, -40), (-12, -36)), 0.00, 4.6, 4.2),
    (((-12, -36), (6, -34), (24, -22), (38, 0), (44, 22), (40, 46)), 0.10, 3.8, 1.2),
    (((-12, -36), (-10, -16), (-16, 6), (-12, 28), (2, 46)), 0.10, 3.6, 1.1),
    (((8, -33), (12, -14), (16, 8), (22, 30)), 0.22, 2.4, 0.8),
    (((26, -20), (32, -4), (30, 18), (34, 34)), 0.32, 2.0, 0.7),
    (((39, 2), (50, 10), (56, 26)), 0.46, 1.7, 0.6),
    (((-11, -14), (-26, -2), (-36, 18), (-40, 36)), 0.24, 2.4, 0.8),
    (((-15, 8), (-28, 22), (-30, 42)), 0.38, 1.9, 0.7),
    (((-13, 24), (-4, 30), (8, 42)), 0.52, 1.5, 0.6),
    (((18, -26), (30, -30), (44, -22), (54, -8)), 0.28, 1.8, 0.6),
)


def coronary_angiogram(seed: int, *, frames: int = 16, size: int = 512) -> Iterator[NDArray[np.uint8]]:
    """The artery fills from the catheter and washes out, frame by frame; one narrowing in the anterior branch."""
    rng = np.random.default_rng(seed)
    canvas = Canvas((size, size), 130 / size)
    ground = _ground(canvas, rng)
    for frame in range(frames):
        time = frame / (frames - 1)
        beat = math.sin(2 * math.pi * time * 2)
        front, fading = 0.05 + 1.5 * max(0.0, time - 0.12), float(np.clip((1.18 - time) / 0.4, 0, 1))
        dark = np.zeros(canvas.shape, np.float32)
        for path, start, wide, narrow in _BRANCHES:
            outline = _filled(path, start, front, wide, narrow, beat)
            if outline is not None:
                window, alpha = canvas.coverage(outline)
                dark[window] = np.maximum(dark[window], alpha * (0.55 + 0.1 * wide))
        dark = blurred(dark, 2) * fading
        window, alpha = canvas.coverage(band([(-80, -76), (-52, -66), (-36, -52), (-28, -42)], 2.4))
        dark[window] = np.maximum(dark[window], 0.38 * alpha)
        values = ground * (1 - 0.62 * dark) + blurred(rng.standard_normal(canvas.shape, np.float32)) * 0.035
        values[(canvas.x**2 + canvas.y**2) > 66**2] = 0.0
        yield (np.clip(values, 0, 1) * 255).astype(np.uint8)


def _filled(
    path: tuple[tuple[float, float], ...], start: float, front: float, wide: float, narrow: float, beat: float
) -> Points | None:
    """What contrast has reached of a branch, moved by the heartbeat."""
    length = 0.12 * len(path) if start else 0.1
    reached = float(np.clip((front - start) / length, 0, 1))
    if reached <= 0:
        return None
    curve = open_curve(path)
    curve = curve[: max(2, math.ceil(reached * len(curve)))]
    sway = np.array([(0.03 * beat, 0.05 * beat)]) * (curve + np.array((30, 40))) * 0.9
    widths = np.linspace(wide, wide + (narrow - wide) * reached, len(curve))
    if start == 0.22:
        along = np.linspace(0, reached, len(curve))
        widths = widths * (1 - 0.68 * np.exp(-(((along - 0.34) / 0.05) ** 2)))
    return band(curve + sway, widths, steps=2)


def _ground(canvas: Canvas, rng: np.random.Generator) -> NDArray[np.float32]:
    """Spine, ribs, diaphragm and lung, out of focus."""
    canvas.values += 0.66 + 0.025 * smooth_noise(rng, canvas.shape, 90, 3)
    heart = closed_curve([(-40, -60), (10, -66), (52, -30), (62, 20), (40, 58), (-20, 66), (-52, 30), (-56, -20)])
    canvas.values -= 0.12 * widely_blurred(canvas.mask(heart), 16)
    canvas.values -= 0.20 * widely_blurred(
        canvas.mask(closed_curve([(-90, 44), (-30, 40), (10, 56), (80, 84), (80, 120), (-90, 120)])), 8
    )
    for level in range(-66, 80, 24):
        block = canvas.mask(band([(-52, level - 9), (-52, level + 9)], 30))
        canvas.values -= 0.06 * blurred(block, 6)
    for level in range(-80, 90, 27):
        rib = band([(-48, level), (-10, level - 8), (30, level + 4), (75, level + 34)], 8)
        canvas.values -= 0.035 * blurred(canvas.mask(rib), 4)
    return canvas.values
