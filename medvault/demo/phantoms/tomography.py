"""CT and MR series: slices of the phantoms in the patient's coordinates (PS3.3 C.7.6.2)."""

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage

from medvault.demo.phantoms.canvas import Field, blurred
from medvault.demo.phantoms.dataset import Series, Study, set_pixels
from medvault.demo.phantoms.head import CT, T1, T2, Head, Skull
from medvault.demo.phantoms.torso import Build, Torso

Place = tuple[float, float, float, float]
_HEAD_VIEW = 230.0
# Name, sequence, repetition and echo time in ms, echo train length.
_WEIGHTINGS = (("T1 SE tra", "SE", 520.0, 11.0, 1), ("T2 TSE tra", "SE", 4200.0, 98.0, 15))


def head_ct(
    study: Study, *, atrophy: float = 1.0, lesion: Place | None = None, slices: int = 20, syntax: str = ""
) -> Iterator[Dataset]:
    """A head without contrast, 256 x 256."""
    head = Head(Skull(study.seed, _stature(study), atrophy, lesion), size=256, field_of_view=_HEAD_VIEW, channels=(CT,))
    grain = 5 * blurred(np.random.default_rng(study.seed).standard_normal((256 + 9 * slices, 256), np.float32))
    series = Series(study, 2, "CT", CTImageStorage, "Head 5.0 H31s", body_part="HEAD")
    for number, level in enumerate(np.linspace(2, 128, slices), 1):
        image = head.section(float(level))[0] + grain[9 * number - 9 : 9 * number + 247]
        instance = _ct(series, number, image, _HEAD_VIEW, float(level), 126 / (slices - 1), syntax)
        instance.WindowCenter, instance.WindowWidth = [40, 500], [80, 2500]
        instance.WindowCenterWidthExplanation = ["BRAIN", "BONE"]
        instance.ConvolutionKernel, instance.KVP = "H31s", "120"
        yield instance


def chest_ct(
    study: Study, *, nodule: Place | None = None, size: int = 256, slices: int = 20, syntax: str = ""
) -> Iterator[Dataset]:
    """A chest with contrast from the tops of the lungs to the liver."""
    yield from _trunk(study, "CHEST", "Chest 8.0 B40f", (12.0, 268.0), nodule, size, slices, syntax)


def abdomen_ct(study: Study, *, size: int = 256, slices: int = 20, syntax: str = "") -> Iterator[Dataset]:
    """An upper abdomen with contrast from the domes of the diaphragm to below the kidneys."""
    yield from _trunk(study, "ABDOMEN", "Abdomen pv 8.0 B30f", (226.0, 462.0), None, size, slices, syntax)


def _trunk(
    study: Study,
    body_part: str,
    description: str,
    levels: tuple[float, float],
    nodule: Place | None,
    size: int,
    slices: int,
    syntax: str,
) -> Iterator[Dataset]:
    is_female = study.person.sex == "F"
    build = Build(study.seed, _stature(study) * 0.98, fat=2.0 + study.seed % 9, is_female=is_female, nodule=nodule)
    torso = Torso(build, size=size)
    series = Series(study, 2, "CT", CTImageStorage, description, body_part=body_part)
    step = (levels[1] - levels[0]) / (slices - 1)
    for number in range(1, slices + 1):
        level = levels[0] + step * (number - 1)
        instance = _ct(series, number, torso.section(level, grain=number), torso.spacing * size, -level, step, syntax)
        windows = ([50, -550], [350, 1500]) if body_part == "CHEST" else ([60], [360])
        instance.WindowCenter, instance.WindowWidth = windows
        instance.WindowCenterWidthExplanation = ["MEDIASTINUM", "LUNG"][: len(windows[0])]
        instance.ConvolutionKernel, instance.KVP = description[-4:], "100"
        instance.ContrastBolusAgent, instance.ContrastBolusRoute = "Iodinated contrast 350", "IV"
        yield instance


def _ct(series: Series, number: int, image: Field, view: float, level: float, step: float, syntax: str = "") -> Dataset:
    instance = series.instance(number)
    _slice(instance, series, view / image.shape[0], image.shape[0], level, step)
    instance.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    instance.AcquisitionNumber = 1
    instance.RescaleIntercept, instance.RescaleSlope, instance.RescaleType = -1024, 1, "HU"
    instance.ExposureTime, instance.XRayTubeCurrent = 500, 180 + number % 7 * 6
    instance.GantryDetectorTilt, instance.TableHeight = 0, 142
    instance.RotationDirection = "CW"
    set_pixels(instance, np.clip(image + 1024.5, 0, 4095).astype(np.uint16), bits_stored=12, syntax=syntax)
    return instance


def head_mr(
    study: Study, *, atrophy: float = 1.0, lesion: Place | None = None, slices: int = 20, syntax: str = ""
) -> Iterator[Dataset]:
    """A head in T1 and then T2, 256 x 256."""
    head = Head(
        Skull(study.seed, _stature(study), atrophy, lesion), size=256, field_of_view=_HEAD_VIEW, channels=(T1, T2)
    )
    levels = np.linspace(3, 125, slices)
    sections = [head.section(float(level)) for level in levels]
    rng = np.random.default_rng(study.seed)
    off = np.hypot(*np.meshgrid(np.linspace(-1, 1, 256), np.linspace(-0.8, 1.1, 256))).astype(np.float32)
    grain = 16 * rng.standard_normal((2, 256 + slices, 256), np.float32)
    for channel, (name, sequence, repetition, echo, train) in enumerate(_WEIGHTINGS):
        series = Series(study, 2 + channel, "MR", MRImageStorage, name, body_part="HEAD")
        for number, level in enumerate(levels, 1):
            instance = series.instance(number)
            _slice(instance, series, _HEAD_VIEW / 256, 256, float(level), 122 / (slices - 1))
            _mr(instance, sequence, repetition, echo, train, field=3.0 if study.clinic.slug == "lindenhof" else 1.5)
            real, imaginary = grain[:, number : number + 256]
            magnitude = np.hypot(sections[number - 1][channel] * (1.06 - 0.16 * off**2) + real, imaginary)
            instance.WindowCenter, instance.WindowWidth = (470, 940) if channel == 0 else (520, 1040)
            set_pixels(instance, np.clip(magnitude, 0, 4095).astype(np.uint16), bits_stored=12, syntax=syntax)
            yield instance


def _mr(instance: Dataset, sequence: str, repetition: float, echo: float, train: int, *, field: float) -> None:
    instance.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
    instance.ScanningSequence, instance.SequenceVariant = sequence, "SK"
    instance.ScanOptions, instance.MRAcquisitionType = "", "2D"
    instance.RepetitionTime, instance.EchoTime, instance.EchoTrainLength = repetition, echo, train
    instance.MagneticFieldStrength = field
    instance.ImagedNucleus, instance.ImagingFrequency = "1H", round(42.577 * field, 2)
    instance.FlipAngle, instance.NumberOfAverages = 90, 1


def _slice(instance: Dataset, series: Series, spacing: float, size: int, level: float, step: float) -> None:
    """Axial geometry: columns run to the patient's left, rows to the back, `level` mm towards the head."""
    corner = -(size - 1) / 2 * spacing
    instance.PatientPosition = "HFS"
    instance.FrameOfReferenceUID = series.study.uid("frame of reference")
    instance.PositionReferenceIndicator = ""
    instance.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    instance.ImagePositionPatient = [round(corner, 4), round(corner, 4), round(level, 2)]
    instance.SliceLocation = round(level, 2)
    instance.SliceThickness = round(step, 2)
    instance.SpacingBetweenSlices = round(step, 2)
    instance.PixelSpacing = [round(spacing, 5), round(spacing, 5)]


def _stature(study: Study) -> float:
    return (0.93 if study.person.sex == "F" else 0.99) + study.seed % 5 * 0.008
