"""What a picture tells of lengths in parts of it, and of how fast it is to be played."""

from typing import NamedTuple

from pydicom import Dataset

from apps.catalog.preview.attributes import Attributes, number_in

_CENTIMETRES = 3
_LOW_PRIORITY = 1
_MOST_REGIONS = 64
_SLOWEST, _FASTEST = 1.0, 100.0


class Calibrated(NamedTuple):
    """A part of an ultrasound picture (PS3.3 C.8.5.5): its edges in pixels from 0, both included, and the distance of
    rows and of columns in mm.
    """

    left: float
    top: float
    right: float
    bottom: float
    height: float
    width: float


def calibrated_regions(image: Attributes) -> tuple[Calibrated, ...]:
    """Those in which lengths can be measured; where two overlap, what counts comes first."""
    items = list(image.data_set.get("SequenceOfUltrasoundRegions") or ())[:_MOST_REGIONS]
    items.sort(key=lambda item: int(number_in(item, "RegionFlags") or 0) & _LOW_PRIORITY)
    return tuple(region for item in items if (region := _region(item)))


def frame_rate(image: Attributes) -> float | None:
    """Pictures a second, as recommended, made, or told by the time of each (PS3.3 C.7.6.5)."""
    time_ms = image.number("FrameTime") or 0
    by_time = 1000 / time_ms if time_ms > 0 else 0
    told = image.number("RecommendedDisplayFrameRate") or image.number("CineRate") or by_time
    return round(min(max(told, _SLOWEST), _FASTEST), 1) if told > 0 else None


def _region(item: Dataset) -> Calibrated | None:
    edges = [number_in(item, f"RegionLocation{edge}") for edge in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    units = [number_in(item, f"PhysicalUnits{axis}Direction") for axis in "XY"]
    deltas = [abs(number_in(item, f"PhysicalDelta{axis}") or 0) * 10 for axis in "YX"]
    if None in edges or units != [_CENTIMETRES] * 2 or min(deltas) <= 0:
        return None
    left, top, right, bottom = (edge or 0.0 for edge in edges)
    return Calibrated(left, top, right, bottom, deltas[0], deltas[1])
