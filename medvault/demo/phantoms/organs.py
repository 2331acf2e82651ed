"""Organs of the trunk as outlines at a few levels; between two levels the outline changes gradually."""

from dataclasses import dataclass

import numpy as np

from medvault.demo.phantoms.canvas import Canvas, Field, Points, closed_curve, ellipse

Outline = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Organ:
    """`outlines`: (level, points) with as many points at each level; it tapers off towards `top` and `bottom`.

    `parts` lie within, painted after it and in order.
    """

    value: float | Field
    top: float
    bottom: float
    outlines: tuple[tuple[float, Outline | Points], ...]
    parts: tuple["Organ", ...] = ()

    def outline(self, level: float) -> Points | None:
        """The outline at a level, None above the top and below the bottom."""
        if not self.top < level < self.bottom:
            return None
        levels = [at for at, _ in self.outlines]
        index = int(np.clip(np.searchsorted(levels, level) - 1, 0, max(0, len(levels) - 2)))
        low, high = self.outlines[index], self.outlines[min(index + 1, len(levels) - 1)]
        share = float(np.clip((level - low[0]) / (high[0] - low[0] or 1), 0, 1))
        points = np.asarray(low[1], float) * (1 - share) + np.asarray(high[1], float) * share
        beyond = max((levels[0] - level) / (levels[0] - self.top), (level - levels[-1]) / (self.bottom - levels[-1]), 0)
        size = float(np.sqrt(1 - beyond**2))
        middle = points.mean(0)
        points = middle + (points - middle) * size
        return closed_curve(points) if len(points) < 40 else points

    def paint(self, canvas: Canvas, level: float, value: float | Field | None = None) -> None:
        outline = self.outline(level)
        if outline is not None:
            canvas.paint(outline, self.value if value is None else value)
            for part in self.parts:
                part.paint(canvas, level)


def tube(value: float | Field, *stations: tuple[float, float, float, float]) -> Organ:
    """A vessel through stations (level, x, y, radius), cut off flat at both ends."""
    outlines = tuple((level, ellipse(x, y, radius, radius * 0.95)) for level, x, y, radius in stations)
    return Organ(value, stations[0][0] - 4, stations[-1][0] + 4, outlines)


BLOOD = 185.0
# fmt: off
AORTA = tube(
    BLOOD, (108, 24, 38, 13), (200, 22, 42, 12), (260, 14, 40, 11.5), (330, 7, 31, 10), (470, 4, 29, 9)
)
GREAT_VESSELS = (
    tube(BLOOD, (0, -17, -6, 6), (60, -19, -14, 7), (90, -13, -18, 9)),
    tube(BLOOD, (0, 15, -2, 5), (90, 6, -12, 6)),
    tube(BLOOD, (0, 27, 8, 5), (90, 19, 6, 6)),
    tube(BLOOD - 35, (0, -30, -18, 6), (60, -29, -28, 7.5), (95, -29, -22, 9), (178, -29, -14, 10)),
    tube(BLOOD - 35, (0, 30, -18, 6), (60, 18, -32, 7), (85, -8, -34, 7)),
    Organ(
        BLOOD,
        90,
        116,
        (
            (94, ((-18, -24), (-8, -36), (10, -20), (28, 8), (36, 32), (28, 46), (14, 38), (6, 10))),
            (110, ((-18, -24), (-8, -34), (8, -22), (24, 8), (34, 34), (27, 46), (15, 38), (8, 8))),
        ),
    ),
    tube(BLOOD, (112, -9, -26, 15.5), (150, -8, -30, 16), (176, -2, -26, 15)),
    Organ(BLOOD + 20, 126, 164, ((134, ellipse(20, -32, 14, 17)), (156, ellipse(18, -40, 14, 13)))),
    Organ(
        BLOOD + 20,
        136,
        152,
        (
            (140, ((22, -34), (30, -16), (48, -2), (42, 8), (22, -4), (-10, 2), (-44, 6), (-46, -6),
                   (-16, -10), (8, -22))),
            (148, ((16, -30), (24, -14), (50, 4), (44, 14), (22, 0), (-8, 4), (-46, 10), (-48, -4),
                   (-16, -8), (4, -20))),
        ),
    ),
    AORTA,
    Organ(48.0, 20, 300, ((30, ellipse(4, 26, 8, 6)), (120, ellipse(4, 30, 9, 6)), (290, ellipse(12, 20, 10, 8)))),
)

_HEART = ((-44, -4), (-42, -32), (-18, -60), (22, -72), (62, -62), (92, -30), (90, 4), (58, 26), (12, 34), (-28, 24))
_APEX = ((-40, 4), (-34, -26), (-8, -54), (26, -68), (64, -62), (88, -36), (84, -6), (56, 14), (16, 20), (-22, 18))
HEART = Organ(
    98.0,
    152,
    268,
    ((182, _HEART), (236, _APEX)),
    (
        Organ(BLOOD - 10, 160, 250, ((180, ellipse(-26, -10, 17, 24)), (230, ellipse(-22, -6, 15, 20)))),
        Organ(BLOOD + 15, 165, 256,
              ((185, ellipse(14, -46, 34, 15, angle=-14)), (235, ellipse(22, -42, 34, 12, angle=-12)))),
        Organ(BLOOD, 184, 258,
              ((200, ellipse(54, -22, 28, 16, angle=-40)), (235, ellipse(54, -24, 24, 13, angle=-36)))),
        Organ(BLOOD + 5, 152, 212, ((165, ellipse(8, 12, 34, 14)), (195, ellipse(12, 18, 32, 13)))),
    ),
)

_LIVER = (
    (-126, 24), (-131, -22), (-106, -66), (-56, -84), (-4, -84), (42, -76), (58, -62),
    (20, -46), (-12, -28), (-28, -2), (-36, 30), (-66, 60), (-104, 56),
)
_RIGHT_LOBE = (
    (-124, 18), (-128, -18), (-116, -46), (-98, -60), (-82, -60), (-72, -52), (-66, -42),
    (-66, -30), (-66, -18), (-68, -4), (-72, 16), (-88, 36), (-108, 38),
)
LIVER = Organ(112.0, 216, 402, ((288, _LIVER), (320, _LIVER), (370, _RIGHT_LOBE)))
SPLEEN = Organ(
    122.0,
    236,
    352,
    (
        (275, ((74, 66), (100, 60), (120, 34), (125, 2), (116, -16), (106, -2), (98, 24), (84, 42))),
        (320, ((84, 58), (102, 54), (118, 34), (122, 10), (114, 0), (106, 8), (100, 24), (90, 40))),
    ),
)
STOMACH = Organ(
    25.0,
    232,
    380,
    (
        (265, ((30, -10), (38, -46), (68, -66), (98, -44), (102, -8), (84, 22), (58, 30), (38, 16))),
        (320, ((34, -28), (40, -62), (66, -76), (92, -60), (96, -30), (84, -8), (62, -2), (44, -8))),
        (360, ((-20, -40), (-8, -62), (30, -76), (62, -70), (72, -50), (54, -36), (24, -42), (-4, -28))),
    ),
)
ABDOMEN = (
    Organ(BLOOD - 45, 236, 480,
          ((250, ellipse(-20, 22, 12, 10)), (330, ellipse(-19, 30, 13, 9)), (470, ellipse(-17, 32, 12, 9)))),
    tube(BLOOD, (226, 16, 40, 11.5), (330, 7, 31, 10), (474, 4, 29, 9)),
    Organ(168.0, 300, 326, ((306, ellipse(-26, 2, 26, 8, angle=24)), (320, ellipse(-18, 2, 26, 7, angle=14)))),
    Organ(
        98.0,
        318,
        358,
        (
            (328, ((-34, -6), (-20, -20), (6, -16), (36, -6), (66, 12), (90, 16), (88, 28), (60, 26), (30, 8),
                   (4, 0), (-14, 6))),
            (346, ((-42, 0), (-34, -22), (-10, -24), (14, -16), (36, -8), (48, 0), (44, 8), (26, 4), (4, -4),
                   (-14, 4), (-28, 12))),
        ),
    ),
    tube(BLOOD - 15, (330, -6, 2, 6), (470, -8, 0, 5)),
    tube(BLOOD, (330, 6, 12, 4), (470, 5, 6, 3.5)),
    Organ(60.0, 322, 384, ((335, ellipse(-52, -46, 13, 20, angle=-25)), (362, ellipse(-54, -52, 12, 17, angle=-25))),
          (Organ(8.0, 324, 382,
                 ((335, ellipse(-52, -46, 11, 18, angle=-25)), (362, ellipse(-54, -52, 10, 15, angle=-25)))),)),
    *(
        Organ(62.0, 318, 500,
              ((350, ellipse(side * 32, 56, 9, 14)), (440, ellipse(side * 42, 52, 18, 23)),
               (480, ellipse(side * 46, 50, 21, 25))))
        for side in (-1, 1)
    ),
)
# fmt: on
