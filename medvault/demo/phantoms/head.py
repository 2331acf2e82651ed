"""A head from the orbits (0 mm) to the crown (130 mm), slice by slice, as CT, T1 and T2 see it."""

from dataclasses import dataclass

import numpy as np

from medvault.demo.phantoms.canvas import (
    Canvas,
    Field,
    Pairs,
    Points,
    band,
    blurred,
    closed_curve,
    ellipse,
    mirrored,
    resized,
    shrunk,
    smooth_noise,
)
from medvault.demo.phantoms.organs import Organ

CT, T1, T2 = 0, 1, 2


def _tissue(ct: float, t1: float, t2: float) -> Field:
    """Hounsfield units, and brightness of a thousand in the two weightings, as channels x 1 x 1."""
    return np.array([ct, t1, t2], np.float32)[:, None, None]


AIR = _tissue(-1000, 8, 8)
SKIN = _tissue(30, 420, 330)
FAT = _tissue(-80, 960, 700)
MUSCLE = _tissue(55, 400, 230)
BONE = _tissue(1250, 45, 35)
MARROW = _tissue(620, 520, 330)
CSF = _tissue(6, 150, 980)
GREY = _tissue(40, 480, 640)
WHITE = _tissue(29, 720, 420)
NUCLEUS = _tissue(38, 560, 520)
FALX = _tissue(62, 300, 250)
VITREOUS = _tissue(10, 140, 960)
MUCOSA = _tissue(35, 430, 900)
OEDEMA = _tissue(19, 470, 900)

_SKIN = ((0, -98), (30, -94), (56, -72), (71, -28), (77, 20), (68, 62), (40, 90), (0, 99))
_SIZE = np.array(
    [(0, 0.96), (20, 0.985), (45, 1.0), (70, 0.985), (95, 0.89), (112, 0.74), (122, 0.58), (130, 0.4), (138, 0.2)]
)
_FRONT_HORN = ((2.5, -24), (5, -36), (11, -40), (15, -35), (12, -26), (7, -18))
_BODY = ((3, -30), (8, -38), (14, -33), (15, -8), (21, 16), (27, 36), (21, 42), (13, 22), (8, -2), (4, -18))
_ROOF = ((5, -26), (9, -31), (13, -24), (14, 0), (18, 18), (21, 28), (17, 31), (11, 14), (8, 0), (6, -12))
_ATRIUM = ((18, 30), (25, 31), (31, 38), (28, 52), (22, 60), (20, 46))
_SIDES = (
    Organ(CSF, 40, 58, ((46, _FRONT_HORN), (54, _FRONT_HORN))),
    Organ(CSF, 34, 58, ((42, _ATRIUM), (54, _ATRIUM))),
    Organ(CSF, 55, 82, ((60, _BODY), (74, _ROOF))),
    Organ(NUCLEUS, 34, 74, ((42, ellipse(13.5, -23, 5, 8, angle=-20)), (66, ellipse(18.5, -18, 3, 9, angle=-10)))),
    Organ(NUCLEUS, 30, 62, ((38, ((21, -24), (28, -15), (32, -1), (28, 12), (21, 8), (17, -4))),
                            (54, ((23, -20), (28, -13), (31, -2), (28, 9), (24, 6), (21, -4))))),
    Organ(NUCLEUS, 34, 66, ((42, ellipse(10.5, 9, 8, 14, angle=18)), (56, ellipse(11.5, 8, 7.5, 13, angle=20)))),
)  # fmt: skip


@dataclass(frozen=True)
class Skull:
    """What sets one patient's head apart; `lesion` = (x, y, level, radius) in mm; `atrophy` 1 is a young brain."""

    seed: int
    scale: float = 1.0
    atrophy: float = 1.0
    lesion: tuple[float, float, float, float] | None = None


class _Slice(Canvas):
    """A canvas with some of a tissue's three values: `channels` says which."""

    def paint(self, outline: Pairs, value: float | Field, opacity: float = 1.0) -> None:
        super().paint(outline, self._chosen(value), opacity)

    def fill(self, share: Field, value: float | Field) -> None:
        super().fill(share, self._chosen(value))

    def _chosen(self, tissue: float | Field) -> float | Field:
        return tissue[list(self.channels)] if isinstance(tissue, np.ndarray) else tissue


class Head:
    """One patient's head; `section` gives the slice at a level in each channel."""

    def __init__(
        self, skull: Skull, *, size: int, field_of_view: float = 230.0, channels: tuple[int, ...] = (CT, T1, T2)
    ) -> None:
        self.skull, self.channels = skull, channels
        self.shape, self.spacing = (size, size), field_of_view / size
        rng = np.random.default_rng(skull.seed)
        one, two, three = rng.uniform(0, 6.28, 3)
        self.sway = (0.5, float(one), float(two), float(three))
        blank = self._canvas()
        across, down = np.broadcast_arrays(blank.x / skull.scale, blank.y / skull.scale)
        self.radius = np.hypot(across, down)
        self.turn = np.arctan2(down, across)
        self.gyri = rng.standard_normal((14, 5, 36), np.float32)
        self.texture = smooth_noise(rng, self.shape, 7 / self.spacing, 3)

    def _canvas(self) -> "_Slice":
        return _Slice(self.shape, self.spacing, scale=self.skull.scale, sway=self.sway, channels=self.channels)

    def section(self, level: float) -> Field:
        """The slice `level` mm above the orbits: channels x size x size, without noise."""
        canvas = self._canvas()
        canvas.fill(np.ones(self.shape, np.float32), AIR)
        size = float(np.interp(level, _SIZE[:, 0], _SIZE[:, 1]))
        right = np.array(_SKIN, float)
        skin = closed_curve(np.vstack([right, mirrored(right[1:-1])[::-1]]) * size)
        inner = self._shell(canvas, skin, level)
        self._cortex(canvas, inner, level)
        if level < 34:
            _below(canvas, level, self.texture)
        self._deep(canvas, level, size)
        if level < 17:
            _face(canvas)
        canvas.values = np.stack([blurred(channel) for channel in canvas.values])
        return canvas.values

    def _shell(self, canvas: Canvas, skin: Points, level: float) -> Points:
        """Scalp and skull; returns the outline of the brain."""
        thick = 1.25 if level > 110 else 1.0
        if level < 14:
            canvas.paint(
                closed_curve([(-12, -88), (-8, -104 + level / 3), (0, -112 + level), (8, -104 + level / 3), (12, -88)]),
                SKIN,
            )
        canvas.paint(skin, SKIN)
        canvas.paint(shrunk(skin, 1.6), FAT)
        if level < 45:
            for side in (-1, 1):
                canvas.paint(ellipse(side * 63.5, -36, 5, 25, angle=side * 17), MUSCLE)
        skull = shrunk(skin, 5.5 * thick)
        canvas.paint(skull, BONE)
        canvas.paint(shrunk(skull, 2.0), MARROW)
        canvas.paint(shrunk(skull, 5.2 * thick), BONE)
        inner = shrunk(skull, 7.0 * thick)
        canvas.paint(inner, CSF)
        if 14 < level < 30:
            for side in (-1, 1):
                canvas.paint(ellipse(side * 9, -86, 8, 3.5), AIR)
        return inner

    def _cortex(self, canvas: Canvas, inner: Points, level: float) -> None:
        """White matter under a folded ribbon of grey."""
        wide = self.skull.atrophy
        brain = shrunk(inner, 1.0 + 1.2 * wide)
        angle = np.arctan2(brain[:, 1], brain[:, 0])
        order = np.argsort(angle)
        edge = np.interp(self.turn, angle[order], np.hypot(brain[:, 0], brain[:, 1])[order], period=2 * np.pi)
        depth = (edge - self.radius).astype(np.float32)
        folds = self._folds(level, depth)
        fade = np.clip(1 - depth / 25, 0, 1)
        furrow = np.clip((0.2 * wide * fade**0.7 - folds) / 0.12 + 0.5, 0, 1) * (fade > 0.1) * np.clip(depth + 1, 0, 1)
        ribbon = np.maximum(
            np.clip((0.86 * fade**0.35 - folds) / 0.14 + 0.5, 0, 1) * (fade > 0.04), np.clip((4.2 - depth) / 0.8, 0, 1)
        )
        x = np.broadcast_to(abs(canvas.x) / self.skull.scale, self.shape)
        if level > 34:
            y = np.broadcast_to(canvas.y / self.skull.scale, self.shape)
            bridge = (y > -34) & (y < 30) if level < 82 else np.zeros(self.shape, bool)
            if level < 50:
                bridge = (y > -28) & (y < 26)
            furrow = np.maximum(furrow, np.clip((1.1 + 0.5 * wide - x) / 0.8, 0, 1) * ~bridge)
            ribbon = np.maximum(ribbon, np.clip((5.2 - x) / 0.8, 0, 1) * ~bridge)
        inside = canvas.mask(brain)
        canvas.fill(inside, WHITE * (1 + 0.012 * self.texture))
        canvas.fill(inside * ribbon.astype(np.float32), GREY)
        canvas.fill(inside * furrow.astype(np.float32), CSF)
        if level > 40:
            for end, stop in ((-79, -36 if level < 82 else 0), (80, 32 if level < 82 else 0)):
                reach = np.interp(level, _SIZE[:, 0], _SIZE[:, 1])
                canvas.paint(band([(0, end * reach), (0, (end * reach + stop) / 2), (0, stop)], 1.1), FALX, 0.8)

    def _folds(self, level: float, depth: Field) -> Field:
        """How far each pixel is from the nearest furrow: 0 in it, 1 half-way to the next."""
        at = level / 11 + 0.5
        low = int(at)
        share = at - low
        lattice = self.gyri[low] * (1 - share) + self.gyri[low + 1] * share
        lattice = lattice / np.sqrt(share**2 + (1 - share) ** 2)
        lattice = np.concatenate([lattice, lattice[:, :2]], axis=1)
        around = resized(lattice, (60, 36 * 24 + 48))
        row = np.clip(depth * 1.2, 0, 59).astype(np.intp)
        column = (((self.turn + np.pi) / (2 * np.pi)) * 864 + 24 + depth * 0.9).astype(np.intp) % 864
        return abs(np.sin(10 * self.turn + 1.35 * around[row, column] + 0.25 * self.texture))

    def _deep(self, canvas: Canvas, level: float, size: float) -> None:
        wide = 0.75 + 0.35 * self.skull.atrophy
        for side in (1, -1):
            flip = np.array((side, 1.0))
            if 22 < level < 60:
                canvas.paint(band(np.array([(37, -26), (42, -8), (40, 12)]) * flip, 5), GREY)
                for path in (((40, -27), (45, -8), (43, 12)), ((44.5, -10), (53, -15), (62 * size, -16))):
                    canvas.paint(band(np.array(path, float) * flip, 2.0 + 1.4 * self.skull.atrophy), CSF)
            for organ in _SIDES:
                outline = organ.outline(level)
                if outline is not None:
                    middle = outline.mean(0)
                    stretch = (wide if organ.value is CSF else 1.0, 1.0)
                    canvas.paint((middle + (outline - middle) * stretch) * flip, organ.value)
        if 26 < level < 52:
            canvas.paint(ellipse(0, 4, 1.6 * wide + 0.6, 12), CSF)
        if 32 < level < 44:
            canvas.paint(closed_curve([(-10, 30), (0, 25), (10, 30), (4, 34), (0, 40), (-4, 34)]), CSF)
        lesion = self.skull.lesion
        if lesion and abs(level - lesion[2]) < lesion[3]:
            radius = float(np.sqrt(lesion[3] ** 2 - (level - lesion[2]) ** 2))
            blob = ellipse(lesion[0], lesion[1], radius, radius * 1.3)
            ragged = 1 + 0.12 * np.sin(np.arange(len(blob)) * 0.79)[:, None]
            canvas.paint((blob - lesion[:2]) * ragged + lesion[:2], OEDEMA, 0.9)


def _below(canvas: Canvas, level: float, texture: Field) -> None:
    """Cerebellum, brain stem and the cisterns around them."""
    if level < 30:
        shape = 1 - max(0.0, (level - 14) / 26) ** 2
        outline = closed_curve(
            np.array([(0, 24), (28, 22), (48, 34), (46, 56), (26, 72),
                      (0, 70), (-26, 72), (-46, 56), (-48, 34), (-28, 22)])
            * (shape, 0.55 + 0.45 * shape) + (0, 18 * (1 - shape))
        )  # fmt: skip
        canvas.paint(shrunk(outline, -3.2), CSF)
        stripes = 0.5 + 0.5 * np.sin(np.hypot(canvas.x, (canvas.y - 20) * 1.15) * 1.25 + 1.3 * texture)
        canvas.paint(outline, GREY + (WHITE - GREY) * 0.5 * stripes)
        canvas.paint(outline, CSF, 0.06)
        for side in (-1, 1):
            canvas.paint(ellipse(side * 20, 40, 13, 9, angle=-side * 28), WHITE)
        canvas.paint(band([(0, 46), (0, 70)], 6), GREY)
    wide = 34 if level < 20 else 27
    canvas.paint(ellipse(0, 10, wide * 0.62, 24, power=2.5), CSF)
    canvas.paint(ellipse(0, 14 - level * 0.1, wide / 2, 13), WHITE * 0.97)
    if level >= 20:
        canvas.paint(closed_curve([(-15, -4), (-6, 2), (0, 5), (6, 2), (15, -4), (8, -12), (0, -14), (-8, -12)]), CSF)
        canvas.paint(ellipse(0, 23, 1.4, 1.4), CSF)
    else:
        canvas.paint(closed_curve([(-8, 29), (0, 26.5), (8, 29), (3, 34), (0, 36), (-3, 34)]), CSF)
    if level > 12:
        star = [(0, -22), (5, -13), (17, -13), (12, -5), (15, 3), (0, -1), (-15, 3), (-12, -5), (-17, -13), (-5, -13)]
        canvas.paint(closed_curve(star), CSF)
        canvas.paint(ellipse(0, -9, 3, 2), GREY)


def _face(canvas: Canvas) -> None:
    """Orbits, nose and the base of the skull."""
    front = closed_curve(
        [(-60, -46), (-36, -40), (0, -30), (36, -40), (60, -46), (52, -76), (26, -90), (0, -92), (-26, -90), (-52, -76)]
    )
    canvas.paint(front, BONE)
    canvas.paint(ellipse(0, -62, 13.5, 29, power=3), BONE)
    for x in (-8.5, -3.0, 3.0, 8.5):
        for y in range(-84, -38, 8):
            canvas.paint(ellipse(x, y, 2.3, 3.4, power=3), AIR)
    canvas.paint(ellipse(0, -28, 12, 9, power=3), BONE)
    canvas.paint(ellipse(-5.5, -28, 4.6, 7.2, power=3), AIR)
    canvas.paint(ellipse(5.5, -28, 4.6, 7.2, power=3), AIR)
    for side in (-1, 1):
        cone = np.array(
            [(16, -84), (16, -66), (17, -48), (22, -43), (34, -54), (49, -68), (50, -78), (44, -92), (28, -97)]
        )
        canvas.paint(closed_curve(cone * (side, 1)), FAT)
        canvas.paint(band(np.array([(19.5, -74), (18.5, -60), (20, -48)]) * (side, 1), [2, 4.5, 2]), MUSCLE)
        canvas.paint(band(np.array([(46, -72), (38, -60), (26, -49)]) * (side, 1), [2, 4.5, 2]), MUSCLE)
        canvas.paint(band(np.array([(32, -70), (29, -58), (22, -46)]) * (side, 1), 3.4), WHITE)
        canvas.paint(ellipse(side * 33, -81, 12.6, 12.6), MUSCLE)
        canvas.paint(ellipse(side * 33, -81, 11.4, 11.4), VITREOUS)
        canvas.paint(ellipse(side * 33, -89.5, 4.8, 2.3), MUSCLE * 1.2)
        ridge = np.array([(14, 0), (28, 10), (46, 20), (62, 30)]) * (side, 1)
        canvas.paint(band(ridge, [6, 10, 14, 18]), BONE)
        for x, y in ((50, 22), (55, 27), (60, 26), (61, 33), (54, 33), (47, 25)):
            canvas.paint(ellipse(side * x, y, 2.2, 2.6), AIR)
        canvas.paint(band(np.array([(16, -32), (36, -40), (62, -44)]) * (side, 1), [7, 5, 7]), BONE)
