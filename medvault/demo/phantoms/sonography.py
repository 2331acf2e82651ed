"""Series of ultrasound images and a loop (PS3.3 A.6, A.7)."""

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless, UltrasoundImageStorage, UltrasoundMultiFrameImageStorage

from medvault.demo.phantoms.dataset import Series, Study, set_pixels
from medvault.demo.phantoms.ultrasound import Grey, beating_heart, liver_and_kidney


def abdominal_ultrasound(study: Study, *, stone: bool = False) -> Iterator[Dataset]:
    """Liver and kidney, and where asked the gallbladder with a stone."""
    series = Series(study, 1, "US", UltrasoundImageStorage, "Abdomen", body_part="ABDOMEN")
    for number, shows_stone in enumerate((False, True) if stone else (False, False), 1):
        image, spacing = liver_and_kidney(study.seed + number, stone=shows_stone)
        instance = series.instance(number)
        instance.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
        instance.SequenceOfUltrasoundRegions = _region(image, spacing)
        instance.TransducerData = "C5-1"
        set_pixels(instance, image, bits_stored=8)
        yield instance


def echocardiogram(study: Study) -> Iterator[Dataset]:
    """A loop of one heartbeat, compressed as RLE."""
    frames = np.stack(list(beating_heart(study.seed)))
    series = Series(study, 1, "US", UltrasoundMultiFrameImageStorage, "A4C", body_part="HEART")
    instance = series.instance(1)
    instance.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    instance.FrameTime, instance.CineRate, instance.HeartRate = 45.0, 22, 66
    instance.FrameIncrementPointer = 0x00181063
    instance.TransducerData = "S5-1"
    set_pixels(instance, frames, bits_stored=8, syntax=RLELossless)
    yield instance


def _region(image: Grey, spacing: float) -> Sequence:
    """The fan as one calibrated region (PS3.3 C.8.5.5): pixels in cm."""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = image.shape[1] - 1, image.shape[0] - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = spacing / 10
    return Sequence([region])
