"""Branching vessels: a tree of straight segments in space, and where a slice or a projection meets them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvault.demo.phantoms.canvas import Canvas, Field

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Tree:
    """Segments n x 2 x 3 (x, y, level in mm) and their widths in mm."""

    segments: NDArray[np.float64]
    widths: NDArray[np.float64]

    def crossing(self, canvas: Canvas, level: float, thickness: float) -> Field:
        """The coverage of what lies within a slice of `thickness` mm."""
        start, end = self.segments[:, 0], self.segments[:, 1]
        drop = end[:, 2] - start[:, 2]
        drop = np.where(abs(drop) < 0.01, 0.01, drop)
        first, last = ((level + half - start[:, 2]) / drop for half in (-thickness / 2, thickness / 2))
        low, high = np.clip(np.minimum(first, last), 0, 1), np.clip(np.maximum(first, last), 0, 1)
        met = high > low
        along = (end - start)[met, :2]
        ends = np.stack([start[met, :2] + along * low[met, None], start[met, :2] + along * high[met, None]], 1)
        return canvas.strokes(ends, self.widths[met])


def grow(
    rng: np.random.Generator,
    root: Vector,
    middle: Vector,
    *,
    count: int = 16,
    width: float = 6.0,
    reach: float = 26.0,
    generations: int = 6,
) -> Tree:
    """Grow `count` branches from the root outwards around `middle`, each forking at every generation."""
    directions = rng.normal(size=(count, 3)) * (0.6, 0.85, 1.15) + np.subtract(middle, root) / 50
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    starts = np.broadcast_to(np.asarray(root, float), (count, 3)) + rng.normal(size=(count, 3)) * (2, 5, 12)
    widths = np.full(count, width)
    segments, sizes = [], []
    for _ in range(generations):
        ends = starts + directions * reach * rng.uniform(0.7, 1.2, (len(starts), 1))
        segments.append(np.stack([starts, ends], 1))
        sizes.append(widths)
        starts = np.repeat(ends, 2, axis=0)
        directions = np.repeat(directions, 2, axis=0) + rng.normal(size=(len(starts), 3)) * 0.42
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        widths = np.repeat(widths, 2) * 0.68 * rng.uniform(0.85, 1.1, len(starts))
        reach *= 0.8
    return Tree(np.concatenate(segments), np.concatenate(sizes))
