"""Series of radiographs, mammograms and fluoroscopy (PS3.3 A.2, A.26, A.27, A.14)."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    XRayAngiographicImageStorage,
)

from medvault.demo.phantoms.angiogram import coronary_angiogram
from medvault.demo.phantoms.canvas import Field
from medvault.demo.phantoms.dataset import Series, Study, code, set_pixels
from medvault.demo.phantoms.mammogram import Breasts, mammogram
from medvault.demo.phantoms.radiograph import Chest, chest, knee

_VIEWS = {
    "PA": ("272479007", "postero-anterior"),
    "AP": ("399348003", "antero-posterior"),
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
}


def chest_radiograph(
    study: Study,
    *,
    heart: float = 1.0,
    nodule: tuple[float, float, float] | None = None,
    inverse: bool = False,
    syntax: str = JPEGLSLossless,
) -> Iterator[Dataset]:
    """A chest from behind; `inverse` stores it as MONOCHROME1."""
    is_female = study.person.sex == "F"
    scale = (0.94 if is_female else 0.98) + study.seed % 5 * 0.01
    image = chest(Chest(study.seed, scale, heart, is_female, nodule))
    instance = _radiograph(study, image, "CHEST", "", "PA", 0.5, inverse=inverse, syntax=syntax)
    instance.KVP, instance.Exposure = "120", 3
    yield instance


def knee_radiograph(study: Study, *, side: str, syntax: str = "") -> Iterator[Dataset]:
    """A knee from the front."""
    instance = _radiograph(study, knee(study.seed, side), "KNEE", side, "AP", 0.25, inverse=False, syntax=syntax)
    instance.KVP, instance.Exposure = "60", 5
    yield instance


def _radiograph(
    study: Study, image: Field, body_part: str, side: str, view: str, spacing: float, *, inverse: bool, syntax: str
) -> Dataset:
    is_digital = "DX" in study.clinic.devices
    sop_class = DigitalXRayImageStorageForPresentation if is_digital else ComputedRadiographyImageStorage
    modality = "DX" if is_digital else "CR"
    series = Series(study, 1, modality, sop_class, f"{body_part.title()} {view}", body_part=body_part, laterality=side)
    instance = series.instance(1)
    instance.ImageType = ["DERIVED", "PRIMARY"]
    instance.ViewPosition = view
    instance.PatientOrientation = ["L", "F"]
    instance.ImagerPixelSpacing = [spacing, spacing]
    if is_digital:
        _digital(instance, side or "U", view)
        instance.AnatomicRegionSequence = code(
            *(("816094009", "SCT", "Chest") if body_part == "CHEST" else ("72696002", "SCT", "Knee"))
        )
    else:
        instance.PlateID, instance.CassetteOrientation = "P0417", "PORTRAIT"
    _grey(instance, image, inverse=inverse, syntax=syntax)
    return instance


def _grey(instance: Dataset, image: Field, *, inverse: bool, syntax: str) -> None:
    """12 bits, the window over all of them, and text that is burnt in."""
    pixels = np.clip(image * 4095 + 0.5, 0, 4095).astype(np.uint16)
    instance.WindowCenter, instance.WindowWidth = 2048, 4096
    instance.BurnedInAnnotation = "NO"  # the marker of the side says nothing of the patient
    set_pixels(
        instance,
        4095 - pixels if inverse else pixels,
        bits_stored=12,
        photometric="MONOCHROME1" if inverse else "MONOCHROME2",
        syntax=syntax,
    )


def _digital(instance: Dataset, side: str, view: str) -> None:
    """What the DX and MG modules ask for (PS3.3 C.8.11)."""
    instance.PresentationIntentType = "FOR PRESENTATION"
    instance.ImageLaterality = side
    instance.PixelIntensityRelationship, instance.PixelIntensityRelationshipSign = "LOG", -1
    instance.RescaleIntercept, instance.RescaleSlope, instance.RescaleType = 0, 1, "US"
    instance.PresentationLUTShape = "IDENTITY"
    instance.DetectorType, instance.DetectorID = "SCINTILLATOR", "D-01"
    instance.AcquisitionContextSequence = Sequence([])
    instance.ViewCodeSequence = code(_VIEWS[view][0], "SCT", _VIEWS[view][1])
    instance.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence([])


def mammography(study: Study, *, density: float, lesion: str = "", syntax: str = JPEGLSLossless) -> Iterator[Dataset]:
    """Four views in a series: right and left from above, right and left obliquely; `lesion` is the side of a mass."""
    series = Series(study, 1, "MG", DigitalMammographyXRayImageStorageForPresentation, "Screening", body_part="BREAST")
    build = Breasts(study.seed, 0.9 + study.seed % 7 * 0.02, density, lesion)
    for number, (view, side) in enumerate((view, side) for view in ("CC", "MLO") for side in "RL"):
        instance = series.instance(number + 1)
        instance.ImageType = ["DERIVED", "PRIMARY"]
        _digital(instance, side, view)
        instance.ViewPosition = view
        across, medial = ("A", "R") if side == "L" else ("P", "L")
        instance.PatientOrientation = [across, medial if view == "CC" else "F" + medial]
        instance.ImagerPixelSpacing = [0.23, 0.23]
        instance.PositionerType, instance.OrganExposed = "MAMMOGRAPHIC", "BREAST"
        instance.PositionerPrimaryAngle = {"CC": 0, "MLO": 45 if side == "R" else -45}[view]
        instance.BreastImplantPresent, instance.PartialView = "NO", "NO"
        instance.KVP, instance.CompressionForce, instance.BodyPartThickness = "29", 110, 52
        instance.AnatomicRegionSequence = code("76752008", "SCT", "Breast")
        _grey(instance, mammogram(build, side, view), inverse=False, syntax=syntax)
        yield instance


def angiography(study: Study) -> Iterator[Dataset]:
    """A coronary loop, each frame compressed as JPEG Baseline."""
    frames = list(coronary_angiogram(study.seed))
    series = Series(study, 1, "XA", XRayAngiographicImageStorage, "LCA RAO 30 CAU 20", body_part="HEART")
    instance = series.instance(1)
    instance.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    instance.PixelIntensityRelationship = "LOG"
    instance.KVP, instance.RadiationSetting = "78", "GR"
    instance.PositionerMotion, instance.PositionerPrimaryAngle, instance.PositionerSecondaryAngle = "STATIC", -30, -20
    instance.ImagerPixelSpacing = [0.25, 0.25]
    instance.FrameTime, instance.CineRate, instance.RecommendedDisplayFrameRate = 66.67, 15, 15
    instance.FrameIncrementPointer = 0x00181063
    instance.WindowCenter, instance.WindowWidth = 128, 256
    pixels = np.stack(frames)
    set_pixels(instance, pixels, bits_stored=8)
    pictures = [_jpeg(frame) for frame in pixels]
    instance.PixelData = encapsulate(pictures)
    instance["PixelData"].is_undefined_length = True
    instance.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    instance.LossyImageCompression, instance.LossyImageCompressionMethod = "01", "ISO_10918_1"
    instance.LossyImageCompressionRatio = round(pixels.nbytes / sum(map(len, pictures)), 2)
    yield instance


def _jpeg(frame: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=85)
    return file.getvalue()
