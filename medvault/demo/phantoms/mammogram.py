"""Mammograms: a compressed breast from above (CC) or obliquely from the side (MLO), brightness from 0 to 1."""

from dataclasses import dataclass

import numpy as np

from medvault.demo.phantoms.canvas import (
    Canvas,
    Field,
    Points,
    blurred,
    closed_curve,
    ellipse,
    resized,
    smooth_noise,
    widely_blurred,
)
from medvault.demo.phantoms.radiograph import stamp


@dataclass(frozen=True)
class Breasts:
    """What sets one patient's breasts apart; `density` 0 is fatty, 1 dense; `lesion` the side of a mass, "R" or "L"."""

    seed: int
    size: float = 1.0
    density: float = 0.5
    lesion: str = ""


def mammogram(
    build: Breasts, side: str, view: str, *, rows: int = 870, columns: int = 660, spacing: float = 0.23
) -> Field:
    """One view, the chest wall on the right for the right breast and on the left for the left one."""
    rng = np.random.default_rng([build.seed, side == "L", view == "CC"])
    canvas = Canvas((rows, columns), spacing)
    wall = -columns * spacing / 2
    drop = 12.0 if view == "MLO" else 0.0
    depth, half = 104 * build.size, 82 * build.size
    outline = _outline(wall, drop, depth, half, view)
    cover = canvas.mask(outline)
    thick = np.clip(widely_blurred(cover, 10) * 2 - 1, 0, 1) ** 0.5 * cover
    tissue = _tissue(Canvas((rows // 2, columns // 2), 2 * spacing), rng, build, (wall, drop, depth, half))
    canvas.values = thick * (0.26 + resized(tissue, canvas.shape))
    canvas.values += 0.1 * np.clip(cover - widely_blurred(cover, 3), 0, 1) * cover
    canvas.paint(ellipse(wall + depth - 0.5, drop, 4, 4.2), 0.34, 0.8)
    if view == "MLO":
        muscle = closed_curve(
            [(wall - 30, -150), (wall + 62, -130), (wall + 42, -60), (wall + 10, 30), (wall - 12, 60), (wall - 40, 0)]
        )
        canvas.values += 0.34 * blurred(canvas.mask(muscle), 4) * cover
    if build.lesion == side:
        _mass(canvas, rng, (wall + 0.52 * depth, drop - 0.22 * half))
    values = blurred(canvas.values)
    values = values + 0.4 * (values - widely_blurred(values, 24)) * cover
    values = values + blurred(rng.standard_normal(canvas.shape, np.float32)) * 0.018 * cover
    values = np.clip(values * 1.1, 0, 1)
    if side == "R":
        values = np.ascontiguousarray(values[:, ::-1])
    stamp(values, f"{side} {view}", (0.72 if side == "L" else 0.06, 0.04), height=0.038)
    return values


def _outline(wall: float, drop: float, depth: float, half: float, view: str) -> Points:
    if view == "CC":
        return ellipse(wall, 0, depth, half, power=2.15)
    points = [
        (wall - 60, -125),
        (wall + 70, -125),
        (wall + 66, -92),
        (wall + 76, -55),
        (wall + depth * 0.94, drop - 24),
    ]
    points += [
        (wall + depth, drop),
        (wall + depth * 0.9, drop + 30),
        (wall + depth * 0.6, drop + 62),
        (wall + 18, drop + 76),
    ]
    points += [(wall - 8, drop + 84), (wall - 60, drop + 90)]
    return closed_curve(points)


def _tissue(
    canvas: Canvas, rng: np.random.Generator, build: Breasts, frame: tuple[float, float, float, float]
) -> Field:
    """Fat and fibroglandular tissue: a cone of clouds and strands that converges on the nipple."""
    wall, drop, depth, half = frame
    ahead = (canvas.x - wall) / depth
    away = (canvas.y - drop + 8 * ahead) / half
    spread = 0.62 * np.clip(1.12 - ahead, 0.02, 1) ** 0.7 * (0.65 + 0.6 * build.density)
    cone = np.clip(1.6 - abs(away) / spread, 0, 1) * np.clip((ahead - 0.06) / 0.4, 0, 1)
    cloud = smooth_noise(rng, canvas.shape, 65, 6)
    lumps = smooth_noise(rng, canvas.shape, 48, 6)
    dense = np.clip(0.55 * lumps + 1.5 * build.density - 0.2, 0, 1.3)
    turn = np.arctan2(canvas.y - drop, canvas.x - wall - depth * 1.02)
    strands = 1 - abs(np.sin(26 * turn + 1.6 * smooth_noise(rng, canvas.shape, 30, 3)))
    fine = smooth_noise(rng, canvas.shape, 7, 2)
    tissue = 0.33 * dense * (1 + 0.1 * fine) + 0.07 * strands**3 * dense
    return np.asarray(cone * cone * (3 - 2 * cone) * tissue + 0.025 * strands**4 + 0.035 * cloud, np.float32)


def _mass(canvas: Canvas, rng: np.random.Generator, place: tuple[float, float]) -> None:
    """A small mass with spicules and a few specks of calcium."""
    x, y = place
    turns = rng.uniform(0, 2 * np.pi, 26)
    reach = rng.uniform(6, 17, 26)
    ends = np.stack([x + reach * np.cos(turns), y + reach * np.sin(turns)], 1)
    spicules = canvas.strokes(np.stack([np.broadcast_to((x, y), ends.shape), ends], 1), rng.uniform(0.4, 0.8, 26))
    lobes = [ellipse(x + dx, y + dy, 4.4, 3.6) for dx, dy in rng.normal(0, 2.8, (6, 2))]
    canvas.values += 0.26 * widely_blurred(canvas.mask(*lobes), 5) + 0.09 * blurred(spicules, 2)
    for dx, dy in rng.normal(0, 5, (9, 2)):
        canvas.add(ellipse(x + 9 + dx, y + 6 + dy, 0.45, 0.35), 0.35)
