"""Projection radiographs: a chest from behind and a knee from the front, as brightness from 0 (black) to 1."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medvault.demo.phantoms.canvas import (
    Canvas,
    Field,
    Points,
    band,
    blurred,
    closed_curve,
    ellipse,
    mirrored,
    smooth_noise,
    widely_blurred,
)
from medvault.demo.phantoms.vessels import grow

_LUNG = (
    (13, -118), (24, -148), (48, -160), (80, -146), (105, -100), (121, -35), (130, 40), (135, 96), (134, 122),
    (118, 96), (90, 78), (60, 72), (34, 82), (18, 98), (16, 40), (15, -20), (13, -70),
)  # fmt: skip
_HEART = (
    (-17, -150), (-24, -95), (-27, -60), (-25, -25), (-38, 5), (-47, 40), (-40, 80), (0, 100), (62, 104), (90, 88),
    (93, 58), (79, 22), (55, -8), (41, -25), (30, -38), (36, -50), (39, -64), (30, -78), (20, -100), (16, -150),
)  # fmt: skip
_BODY = (
    (0, -230), (30, -215), (34, -190), (60, -176), (120, -168), (185, -150), (190, -60), (160, -40), (150, 20),
    (152, 110), (158, 230), (0, 240),
)  # fmt: skip


@dataclass(frozen=True)
class Chest:
    """What sets one patient's chest apart; `heart` widens the heart, `nodule` = (x, y, radius) in mm."""

    seed: int
    scale: float = 1.0
    heart: float = 1.0
    is_female: bool = False
    nodule: tuple[float, float, float] | None = None


def chest(build: Chest, *, rows: int = 840, columns: int = 704, spacing: float = 0.5) -> Field:
    """A chest from behind, the patient's right on the left, with the marker of its side."""
    rng = np.random.default_rng(build.seed)
    one, two, three = rng.uniform(0, 6.28, 3)
    sway = (1.3, float(one), float(two), float(three))
    canvas = Canvas((rows, columns), spacing, scale=build.scale, sway=sway)
    right = closed_curve(mirrored(_LUNG) - (0, 9))
    left = closed_curve(np.array(_LUNG) + np.array((0, 3)))
    heart = closed_curve(np.array(_HEART) * (build.heart, 1.0))
    lungs = widely_blurred(canvas.mask(right, left), 3)
    middle = widely_blurred(canvas.mask(heart), 3)
    _thickness(canvas, build)
    aerated = lungs * (1 - 0.86 * middle) * (0.62 + 0.38 * widely_blurred(lungs, 40))
    depth = np.clip(1.08 - abs(canvas.y + 20) / 520 + 0.05 * smooth_noise(rng, canvas.shape, 90, 2), 0.5, 1.3)
    canvas.values -= 0.46 * aerated * depth
    for _ in range(2):  # where vessels of both layers cross, both cast a shadow
        trees = [
            grow(rng, (side * 34, 0.0, -14.0), (side * 80, 0.0, 24.0), count=11, width=5.4, reach=27.0)
            for side in (-1.0, 1.0)
        ]
        flat = np.concatenate([tree.segments[:, :, (0, 2)] for tree in trees])
        markings = canvas.strokes(flat, np.concatenate([tree.widths for tree in trees]))
        canvas.values += 0.05 * blurred(markings) * aerated
    canvas.values += 0.012 * lungs * smooth_noise(rng, canvas.shape, 12, 3)
    _bones(canvas)
    _air(canvas)
    if build.nodule:
        x, y, radius = build.nodule
        canvas.values += 0.11 * blurred(canvas.mask(ellipse(x, y, radius, radius * 0.9)), 4)
    return _developed(canvas, rng, "R", (0.06, 0.05))


def _thickness(canvas: Canvas, build: Chest) -> None:
    """The soft tissue: shoulders, chest wall, what lies below the diaphragm, breasts."""
    body = canvas.mask(closed_curve(np.vstack([_BODY, mirrored(_BODY[1:-1])[::-1]])))
    canvas.values += 0.60 * body * (0.35 + 0.65 * widely_blurred(body, 40))
    below = closed_curve([(-200, 118), (-90, 66), (0, 100), (90, 80), (200, 130), (200, 300), (-200, 300)])
    canvas.values += 0.12 * body * widely_blurred(canvas.mask(below), 6)
    canvas.values += 0.05 * widely_blurred(canvas.mask(ellipse(0, 20, 34, 260)), 12)
    if build.is_female:
        for side in (-1, 1):
            shadow = canvas.mask(ellipse(side * 78, 62, 58, 50), ellipse(side * 92, 50, 50, 46))
            canvas.values += 0.055 * widely_blurred(shadow, 6)


def _bones(canvas: Canvas) -> None:
    _vertebrae(canvas)
    for number in range(10):
        for side in (-1, 1):
            _rib(canvas, number, side)
    for side in (-1, 1):
        flip = np.array((side, 1.0))
        collar = np.array([(13, -112), (34, -121), (70, -130), (112, -150), (146, -158)]) * flip
        _bone(canvas, collar, [17, 12, 10, 11, 15], 0.10)
        blade = closed_curve(
            np.array([(112, -150), (140, -142), (148, -112), (134, -60), (122, -34), (113, -60), (106, -110)]) * flip
        )
        canvas.add(blade, 0.04)
        _bone(canvas, np.array([(147, -120), (136, -66), (122, -34)]) * flip, [7, 5, 5], 0.05)
        shaft = band(np.array([(170, -140), (177, -100), (184, -10)]) * flip, [34, 25, 22])
        canvas.values += 0.12 * canvas.mask(ellipse(side * 167, -140, 21, 24), shaft)


def _vertebrae(canvas: Canvas) -> None:
    places = [(-178 + number * 26.0, 15 + number * 0.5) for number in range(11)]
    cover = blurred(canvas.mask(*(ellipse(0, y, half, 10.5, power=5) for y, half in places)), 2)
    inner = blurred(canvas.mask(*(ellipse(0, y, half - 1.8, 8.6, power=5) for y, half in places)), 2)
    canvas.values += 0.035 * cover + 0.02 * (cover - inner)
    for y, half in places:
        for side in (-1, 1):
            canvas.add(ellipse(side * half * 0.62, y - 2, 3.2, 4.6), 0.022)
            canvas.add(band([(side * half, y - 4), (side * (half + 14), y - 9)], [8, 5]), 0.022)
        canvas.add(ellipse(0, y + 6, 2.4, 6.5), 0.03)


def _rib(canvas: Canvas, number: int, side: int) -> None:
    """One rib: down and out behind, around the flank, and fainter back towards the breastbone."""
    y = -150 + 23.5 * number
    reach = float(np.interp(number, [0, 1, 2, 4, 9], [58, 86, 103, 122, 139]))
    fall = float(np.interp(number, [0, 2, 5, 9], [26, 52, 74, 82]))
    share = np.array([(0.13, 0.0), (0.36, -0.08), (0.66, 0.08), (0.88, 0.42), (1.0, 0.95)])
    behind = share * (reach, fall) + (0, y)
    _bone(canvas, behind * (side, 1), [8, 9, 9, 8.5, 8], 0.085 if number < 8 else 0.035)
    if number < 6:
        front = np.array([(1.0, 0.95), (0.96, 1.3), (0.78, 1.75), (0.55, 1.98)]) * (reach, fall) + (0, y)
        _bone(canvas, front * (side, 1), [8, 9, 9, 7], 0.045)


def _bone(canvas: Canvas, path: Points, widths: list[float], amount: float) -> None:
    """A tubular bone: its walls are denser than its middle."""
    outer, inner = band(path, widths), band(path, [width * 0.62 for width in widths])
    canvas.add(outer, amount)
    canvas.add(inner, -0.45 * amount)


def _air(canvas: Canvas) -> None:
    windpipe = [(0, -215), (0, -150), (1, -100), (-4, -62), (-5, -52)]
    tubes = canvas.mask(
        band(windpipe, [16, 17, 17, 17, 18]),
        band([(-6, -56), (-20, -38), (-32, -24)], [13, 12, 9]),
        band([(-2, -56), (18, -40), (38, -28)], [12, 11, 8]),
    )
    canvas.values -= 0.10 * blurred(tubes, 4)
    bubble = blurred(canvas.mask(closed_curve([(40, 104), (58, 92), (82, 92), (98, 104), (84, 112), (56, 113)])), 3)
    canvas.values -= 0.16 * bubble


def knee(seed: int, side: str, *, rows: int = 900, columns: int = 700, spacing: float = 0.25) -> Field:
    """A knee from the front with its side's marker; the fibula is on the outer side."""
    rng = np.random.default_rng(seed)
    one, two, three = rng.uniform(0, 6.28, 3)
    canvas = Canvas((rows, columns), spacing, sway=(0.7, float(one), float(two), float(three)))
    out = -1 if side == "R" else 1
    leg = band([(0, -125), (0, -60), (out * 2, 0), (out * 1, 50), (0, 125)], [124, 112, 104, 100, 96])
    cover = canvas.mask(leg)
    canvas.values += 0.30 * cover * (0.3 + 0.7 * widely_blurred(cover, 36))
    spongy = 0.011 * smooth_noise(rng, canvas.shape, 6, 2)
    femur = [(-17, -140), (-17, -70), (-22, -45), (-37, -28), (-40, -8), (-28, 3), (-12, 2), (-4, -10), (4, -10),
             (12, 2), (28, 4), (41, -8), (38, -28), (22, -46), (16, -70), (16, -140)]  # fmt: skip
    tibia = [(-38, 12), (-20, 9), (-6, 8), (-3, 4), (0, 8), (3, 4), (6, 8), (20, 9), (39, 12), (38, 26), (26, 44),
             (15, 66), (13, 140), (-13, 140), (-14, 66), (-24, 44), (-36, 26)]  # fmt: skip
    for shape in (femur, tibia):
        _solid(canvas, np.array(shape, float) * (out, 1), spongy, shaft=(-58 if shape is femur else 56))
    fibula = np.array([(40, 26), (39, 44), (36, 70), (34, 140)]) * (out, 1)
    _bone(canvas, fibula, [9, 11, 10, 11], 0.17)
    canvas.add(ellipse(out * 40, 27, 8, 9), 0.16)
    cap = widely_blurred(canvas.mask(ellipse(out * 2, -26, 22, 23, power=2.3)), 6)
    canvas.values += 0.06 * cap
    return _developed(canvas, rng, side, (0.08 if side == "R" else 0.84, 0.06))


def _solid(canvas: Canvas, outline: Points, spongy: Field, *, shaft: float) -> None:
    """A long bone's end: spongy under a thin shell; beyond `shaft` the wall is thick and the marrow dark."""
    cover = blurred(canvas.mask(closed_curve(outline)), 1)
    shell = cover - widely_blurred(cover, 5)
    canvas.values += cover * (0.25 + spongy) + 0.22 * np.clip(shell, 0, 1) * cover
    hollow = np.clip((abs(canvas.y) - abs(shaft)) / 26, 0, 1) * (np.sign(canvas.y) == np.sign(shaft))
    canvas.values += hollow.astype(np.float32) * cover * (0.16 * np.clip(abs(canvas.x) / 13, 0, 1.3) ** 3 - 0.06)


def _developed(canvas: Canvas, rng: np.random.Generator, marker: str, place: tuple[float, float]) -> Field:
    """Local contrast, quantum noise, the marker in lead and the edge of the collimator."""
    values = blurred(canvas.values)
    values = values + 0.55 * (values - widely_blurred(values, 30))
    values = values + blurred(rng.standard_normal(canvas.shape, np.float32)) * (0.02 + 0.012 * (1 - values))
    values = np.asarray(np.clip(0.03 + values * 1.12, 0, 1), np.float32)
    stamp(values, marker, place, height=0.045)
    edge = 9
    values[:edge] = values[-edge:] = 0.0
    values[:, :edge] = values[:, -edge:] = 0.0
    return values


def stamp(values: Field, text: str, place: tuple[float, float], *, height: float) -> None:
    """Burn text in, white; `place` = (across, down) and `height` as shares of the image."""
    rows, columns = values.shape
    font = ImageFont.load_default(max(10, round(height * rows)))
    _, _, right, bottom = font.getbbox(text)
    label = Image.new("L", (int(right) + 4, int(bottom) + 4))
    ImageDraw.Draw(label).text((2, 2), text, fill=255, font=font)
    row, column = round(place[1] * rows), round(place[0] * columns)
    label = label.crop((0, 0, min(label.width, columns - column), min(label.height, rows - row)))
    region = values[row : row + label.height, column : column + label.width]
    region += np.asarray(label, np.float32) / 255 * (1 - region)
