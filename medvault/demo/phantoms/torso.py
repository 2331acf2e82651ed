"""A trunk from the tops of the lungs (0 mm) to below the kidneys (470 mm), in Hounsfield units, slice by slice."""

from dataclasses import dataclass

import numpy as np

from medvault.demo.phantoms.canvas import (
    Canvas,
    Field,
    Points,
    band,
    blurred,
    closed_curve,
    ellipse,
    mirrored,
    shrunk,
    smooth_noise,
)
from medvault.demo.phantoms.organs import ABDOMEN, GREAT_VESSELS, HEART, LIVER, SPLEEN, STOMACH
from medvault.demo.phantoms.vessels import grow

AIR, LUNG, FAT, MUSCLE, MARROW, CORTEX = -1000.0, -865.0, -102.0, 55.0, 230.0, 780.0
# Half width and half depth by level.
CAGE = np.array(
    [(0, 62, 58), (40, 100, 74), (100, 126, 90), (180, 139, 99), (260, 144, 103), (330, 141, 100), (470, 134, 96)]
)
BODY = np.array(
    [(0, 178, 103), (50, 186, 109), (120, 180, 116), (200, 172, 119), (300, 169, 118), (380, 164, 113), (470, 168, 112)]
)
# How far the mediastinum reaches into each lung, in mm from the midline: level, in front, beside the heart, behind.
RIGHT_BORDER = np.array(
    [(0, 26, 28, 26), (60, 22, 32, 24), (110, 12, 32, 26), (150, 12, 40, 27), (200, 24, 46, 27), (300, 38, 48, 28)]
)
LEFT_BORDER = np.array(
    [(0, 25, 27, 26), (60, 20, 33, 30), (110, 12, 38, 40), (150, 14, 48, 40), (200, 40, 88, 40), (300, 52, 92, 38)]
)


@dataclass(frozen=True)
class Build:
    """What sets one patient's trunk apart: `fat` in mm under the skin, a nodule as (x, y, level, radius) in mm."""

    seed: int
    scale: float = 1.0
    fat: float = 3.0
    is_female: bool = False
    nodule: tuple[float, float, float, float] | None = None


class Torso:
    """One patient's trunk; `section` gives the slice at a level."""

    def __init__(self, build: Build, *, size: int, field_of_view: float = 390.0) -> None:
        self.build = build
        self.size, self.spacing = size, field_of_view / size
        rng = np.random.default_rng(build.seed)
        amplitude = float(rng.uniform(1.0, 1.8))
        phases = rng.uniform(0, 6.28, 3)
        self.sway = (amplitude, float(phases[0]), float(phases[1]), float(phases[2]))
        shape = (size, size)
        pixels = 1 / self.spacing
        self.fine = smooth_noise(rng, shape, 3 * pixels, 2)
        self.coarse = smooth_noise(rng, shape, 14 * pixels, 3)
        self.grain = 22 * blurred(rng.standard_normal((size + 96, size + 96), np.float32))
        self.trees = [
            grow(rng, (side * 46.0, 4.0, 148.0), (side * 88.0, 2.0, 158.0), count=34, reach=31.0) for side in (-1, 1)
        ]
        self.hepatic = grow(rng, (-30.0, 5.0, 300.0), (-85.0, -15.0, 290.0), count=8, width=8.0, reach=24.0)
        self.loops = _bowel_loops(rng)

    def section(self, level: float, *, grain: int = 0) -> Field:
        """The slice at `level` mm below the tops of the lungs, size x size, in Hounsfield units, with noise."""
        canvas = Canvas((self.size, self.size), self.spacing, AIR, self.build.scale, self.sway)
        a, b = (float(np.interp(level, CAGE[:, 0], CAGE[:, i])) for i in (1, 2))
        self._wall(canvas, level, a, b)
        if level < 320:
            self._chest(canvas, level, a, b)
        if level > 212:
            self._belly(canvas, level, a, b)
        _spine(canvas, level)
        _ribs(canvas, level, a, b)
        return self._scanned(canvas, grain)

    def _wall(self, canvas: Canvas, level: float, a: float, b: float) -> None:
        across, deep = (float(np.interp(level, BODY[:, 0], BODY[:, i])) + self.build.fat for i in (1, 2))
        body = ellipse(0, 123 - deep, across, deep, power=2.35)
        _table(canvas, 122)
        fat = FAT + 9 * self.coarse
        outlines = [body, *(self._breasts(level, deep) if self.build.is_female else [])]
        for outline in outlines:
            canvas.paint(outline, 25.0)
        for outline in outlines:
            canvas.paint(shrunk(outline, 1.8), fat)
        if len(outlines) > 1:
            gland = -70 + 95 * (self.coarse > 0.25)
            for side in (-1, 1):
                canvas.paint(ellipse(side * 82, 120 - 2 * deep, 26, 15), gland.astype(np.float32))
        muscle = MUSCLE + 5 * self.fine - 40 * (self.coarse > 1.7)
        canvas.paint(ellipse(0, 0, a + 13, b + 9, power=2.2), muscle)
        for side in (-1, 1):
            if level < 175:
                canvas.paint(
                    band([(side * 22, -b - 4), (side * 70, -b + 2), (side * 112, -b + 30)], [9, 17, 15]), muscle
                )
            canvas.paint(ellipse(side * 31, 93, 28, 15, angle=side * 8), muscle)
            if level < 165:
                _shoulder_blade(canvas, level, side, muscle)
        canvas.paint(ellipse(0, 0, a - 7, b - 7), FAT + 6 * self.coarse)

    def _breasts(self, level: float, deep: float) -> list[Points]:
        reach = 1 - ((level - 165) / 62) ** 2
        if reach <= 0:
            return []
        return [ellipse(side * 84, 136 - 2 * deep, 62 * reach**0.5, 44 * reach**0.5) for side in (-1, 1)]

    def _chest(self, canvas: Canvas, level: float, a: float, b: float) -> None:
        lungs = canvas.mask(_lung(level, a - 9, b - 9, side=-1), _lung(level, a - 9, b - 9, side=1))
        for organ in GREAT_VESSELS:
            organ.paint(canvas, level)
        HEART.paint(canvas, level)
        air = LUNG + 22 * self.fine + 14 * self.coarse + 0.35 * canvas.y
        for tree in self.trees:
            air = air + (30 - air) * tree.crossing(canvas, level, 7.0)
        nodule = self.build.nodule
        if nodule and abs(level - nodule[2]) < nodule[3]:
            radius = (nodule[3] ** 2 - (level - nodule[2]) ** 2) ** 0.5
            blob = ellipse(nodule[0], nodule[1], radius, radius * 0.85) * (
                1 + 0.02 * np.sin(np.arange(48)[:, None] * 3)
            )
            spokes = canvas.strokes(_spokes(nodule[0], nodule[1], radius * 1.7), np.full(9, 0.8))
            air = air + (45 - air) * np.maximum(canvas.mask(blob), spokes * 0.6)
        canvas.values += lungs * (air - canvas.values)
        _airways(canvas, level)

    def _belly(self, canvas: Canvas, level: float, a: float, b: float) -> None:
        fat = FAT + 7 * self.coarse
        for side, top in ((-1, 214.0), (1, 226.0)):
            rise = float(np.clip((level - top) / 78, 0, 1)) ** 0.5
            if rise:
                dome = ellipse(side * (66 - 10 * rise), -4 + 8 * rise, (a - 46) * rise * 0.98, (b - 5) * rise)
                canvas.paint(dome, MUSCLE)
                canvas.paint(shrunk(dome, 2), fat)
        if level > 300:
            canvas.paint(ellipse(0, 0, a - 8, b - 8), fat)
        enhancement = 112 + 5 * self.fine
        vessels = self.hepatic.crossing(canvas, level, 9.0)
        liver = enhancement + 48 * vessels
        LIVER.paint(canvas, level, liver)
        SPLEEN.paint(canvas, level, 122 + 6 * self.fine)
        _stomach(canvas, level, self.coarse)
        for organ in ABDOMEN:
            organ.paint(canvas, level)
        _kidneys(canvas, level)
        _bowel(canvas, level, self.loops, self.coarse)

    def _scanned(self, canvas: Canvas, grain: int) -> Field:
        top, left = grain * 37 % 96, grain * 53 % 96
        noise = self.grain[top : top + self.size, left : left + self.size]
        blurry = blurred(canvas.values)
        values = blurry + noise
        values[canvas.x**2 + canvas.y**2 > (self.size * self.spacing / 2) ** 2] = -1024
        return values


def _table(canvas: Canvas, deep: float) -> None:
    xs = np.linspace(-205, 205, 9)
    bottom = deep + 6 - (xs / 205) ** 2 * 34
    canvas.paint(band(np.stack([xs, bottom + 14], 1), 26), -960.0)
    for offset in (1.5, 27.0):
        canvas.paint(band(np.stack([xs, bottom + offset], 1), 2.5), -250.0)


def _shoulder_blade(canvas: Canvas, level: float, side: int, muscle: Field) -> None:
    reach = max(0.2, 1 - max(0.0, level - 60) / 130)
    middle = (side * 112, 66)
    canvas.paint(ellipse(*middle, 46 * reach + 6, 21 * reach + 4, angle=-side * 32), muscle)
    start, end = np.array((side * 82.0, 88.0)), np.array((side * 140.0, 44.0))
    centre = (start + end) / 2
    path = [
        tuple(centre + (start - centre) * reach),
        (centre[0] + 3 * side, centre[1] + 4),
        tuple(centre + (end - centre) * reach),
    ]
    canvas.paint(band(path, [7, 4.5, 9]), 520.0)
    canvas.paint(band(path, [3, 1.5, 5]), MARROW)
    if level < 45:
        canvas.paint(ellipse(side * 158, 18, 22, 22), CORTEX)
        canvas.paint(ellipse(side * 158, 18, 19, 19), MARROW + 60)
    if level < 40:
        collar = band([(side * 22, -62), (side * 70, -66), (side * 128, -34)], [16, 11, 12])
        canvas.paint(collar, CORTEX)
        canvas.paint(band([(side * 24, -62), (side * 70, -66), (side * 126, -34)], [10, 6, 7]), MARROW)


def _lung(level: float, a: float, b: float, *, side: int) -> Points:
    borders = RIGHT_BORDER if side < 0 else LEFT_BORDER
    front, beside, behind = (float(np.interp(level, borders[:, 0], borders[:, i])) for i in (1, 2, 3))
    top = float(np.clip((level + 14) / 40, 0.25, 1)) ** 0.5
    turn = np.radians(np.linspace(-82, 74, 13))
    outer = np.stack([a * np.cos(turn), b * np.sin(turn)], 1)
    outer[:, 0] = np.maximum(outer[:, 0], front)
    inner = [(behind - 2, b * 0.84), (behind, b * 0.5), ((behind + beside) / 2, b * 0.22), (beside, -b * 0.12)]
    inner += [((front + beside) / 2 + 2, -b * 0.5), (front + 1, -b * 0.82)]
    outline = np.vstack([outer, inner])
    outline = outline.mean(0) + (outline - outline.mean(0)) * top
    return closed_curve(outline if side > 0 else mirrored(outline), 4)


def _airways(canvas: Canvas, level: float) -> None:
    if level < 122:
        canvas.paint(ellipse(-1, 10, 11, 10.5), 40.0)
        canvas.paint(ellipse(-1, 10, 9, 8.5), AIR + 10)
    elif level < 152:
        apart = 6 + (level - 122) * 1.05
        for side in (-1, 1):
            canvas.paint(ellipse(side * apart, 12, 8.8, 7.4), 40.0)
            canvas.paint(ellipse(side * apart, 12, 7.2, 5.8), AIR + 10)


def _spine(canvas: Canvas, level: float) -> None:
    """A vertebra every 24 mm (30 mm in the loins), a disc between two."""
    low = float(np.interp(level, [220, 330], [0, 1]))
    period, across, deep = 24 + 6 * low, 16.5 + 6 * low, 14 + 3.5 * low
    phase = (level % period) / period
    y = 58.0 - 2 * low
    is_disc = phase < 0.18
    waist = 1 + 0.09 * np.cos(2 * np.pi * (phase - 0.09))
    if is_disc:
        canvas.paint(ellipse(0, y, across * waist, deep * waist, power=2.3), 92.0)
    else:
        canvas.paint(ellipse(0, y, across * waist, deep * waist, power=2.3), 560.0)
        canvas.paint(ellipse(0, y, across * waist - 1.8, deep * waist - 1.8, power=2.3), MARROW - 20)
    canal = y + deep + 9
    if phase > 0.45:
        ring = ellipse(0, canal, 15 + 3 * low, 12.5)
        canvas.paint(ring, CORTEX - 120)
        for side in (-1, 1):
            wing = band([(side * 9, canal), (side * 24, canal + 1), (side * (34 + 6 * low), canal + 4)], [12, 8, 6])
            canvas.paint(wing, CORTEX - 200)
            canvas.paint(shrunk(wing, 1.2), MARROW, 0.7)
    else:
        for side in (-1, 1):
            canvas.paint(ellipse(side * (12 + 3 * low), canal + 3, 6, 7), CORTEX - 100)
    canvas.paint(
        band([(0, canal + 8), (0, canal + 22), (0, canal + 31)], [9, 6, 8 if phase < 0.7 else 3]), CORTEX - 250
    )
    canvas.paint(band([(0, canal + 10), (0, canal + 29)], 2.5), MARROW)
    canvas.paint(ellipse(0, canal, 10.5 + low, 8.8), 5.0)
    canvas.paint(ellipse(0, canal, 6, 5), 38.0)


def _ribs(canvas: Canvas, level: float, a: float, b: float) -> None:
    """Where the slice meets the ribs: each runs from behind to the front around the cage and falls on its way."""
    for number in range(12):
        start = 6.0 + number * 24 - (10 if number < 2 else 0)
        fall = float(np.interp(number, [0, 2, 6, 11], [38, 70, 108, 80]))
        travelled = (level - start) / fall
        furthest = float(np.interp(number, [0, 6, 9, 10, 11], [1, 1, 0.95, 0.72, 0.5]))
        if not -0.12 < travelled < furthest:
            continue
        length = 0.09 if travelled > 0.15 else 0.06
        along = np.clip(np.linspace(travelled - length, travelled + length, 7), 0.0, furthest)
        turn = np.radians(68 - along * 142)
        cartilage = travelled > 0.82
        for side in (-1, 1):
            path = np.stack([side * (a + 1) * np.cos(turn), (b + 0.5) * np.sin(turn)], 1)
            canvas.paint(band(path, [5, 8.5, 9, 8.5, 5]), 130.0 if cartilage else CORTEX)
            if not cartilage:
                canvas.paint(band(path, [1.5, 4.5, 5, 4.5, 1.5]), MARROW)
    if 30 < level < 205:
        width = 28.0 if level < 75 else 18.0
        bone = ellipse(0, -b - 2, width, 6.5, power=2.6)
        canvas.paint(bone, CORTEX - 150)
        canvas.paint(shrunk(bone, 1.9), MARROW - 60)


def _stomach(canvas: Canvas, level: float, texture: Field) -> None:
    outline = STOMACH.outline(level)
    if outline is None:
        return
    canvas.paint(outline, 78.0)
    inner = shrunk(outline, 4)
    canvas.paint(inner, 22 + 6 * texture)
    window, alpha = canvas.coverage(inner)
    surface = inner[:, 1].min() + 0.42 * np.ptp(inner[:, 1])
    above = alpha * np.clip((surface * canvas.scale - canvas.y[window[0]]) / canvas.spacing + 0.5, 0, 1)
    canvas.values[window] += above * (AIR + 15 - canvas.values[window])


def _kidneys(canvas: Canvas, level: float) -> None:
    for side, middle in ((-1, 378.0), (1, 362.0)):
        reach = 1 - ((level - middle) / 58) ** 2
        if reach <= 0:
            continue
        size = reach**0.4
        x, y = side * (60 - 6 * reach), 46.0
        canvas.paint(ellipse(x, y, 31 * size, 34 * size, angle=side * 30), FAT)
        canvas.paint(ellipse(x, y, 25 * size, 29 * size, angle=side * 30), 186.0)
        turns = np.radians(np.arange(-110, 150, 52) if side > 0 else 180 - np.arange(-110, 150, 52))
        for turn in turns:
            spot = (x + 14 * size * np.cos(turn), y + 17 * size * np.sin(turn))
            canvas.paint(ellipse(*spot, 5.5 * size, 5.5 * size), 128.0)
        if abs(level - middle) < 30:
            notch = band([(x - side * 26, y - 12), (x - side * 12, y - 4), (x + side * 3, y + 2)], [9, 13, 8])
            canvas.paint(notch, FAT + 20)
            canvas.paint(band([(x - side * 30, y - 14), (x - side * 8, y - 3)], 5), 150.0)


def _bowel_loops(rng: np.random.Generator) -> list[tuple[float, ...]]:
    """x, y, level, radius, half length and content of loops of small bowel."""
    places = [(x, y) for x in range(-74, 80, 26) for y in range(-66, 12, 22)]
    return [
        (
            *rng.normal(place, 5),
            rng.uniform(365, 470),
            rng.uniform(10, 14),
            rng.uniform(32, 60),
            float(rng.choice([20, 45, 80])),
        )
        for place in places
        for _ in range(2)
    ] + [(*rng.normal((62, -30), (24, 22)), rng.uniform(325, 365), rng.uniform(9, 13), 30.0, 35.0) for _ in range(12)]


def _bowel(canvas: Canvas, level: float, loops: list[tuple[float, ...]], texture: Field) -> None:
    for x, y, middle, radius, half, content in loops:
        reach = 1 - ((level - middle) / half) ** 2
        if reach > 0.05:
            size = radius * reach**0.35
            outline = ellipse(x, y, size * 1.25, size, angle=(x * 7 + y * 5) % 180)
            canvas.paint(outline, 96.0)
            canvas.paint(shrunk(outline, 2.6), content + 5 * texture)
    for x, y, start, radius in ((-106.0, -8.0, 372.0, 25.0), (112.0, 18.0, 318.0, 17.0)):
        if level > start:
            size = radius * min(1.0, 0.5 + (level - start) / 30)
            outline = ellipse(x, y, size, size * 1.1)
            canvas.paint(outline, 70.0)
            stool = np.where(texture > 0.35, -700, 30).astype(np.float32)
            canvas.paint(shrunk(outline, 2.5), stool)


def _spokes(x: float, y: float, reach: float) -> Points:
    turns = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    ends = np.stack([x + reach * np.cos(turns), y + reach * np.sin(turns)], 1)
    return np.stack([np.broadcast_to((x, y), ends.shape), ends], 1)
