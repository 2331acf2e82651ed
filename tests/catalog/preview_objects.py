"""Small images built pixel by pixel, and what a preview makes of them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian

from apps.catalog.preview import NotRenderable, render_preview

RAMP = np.arange(0, 4096, 16, dtype=np.int16).reshape(16, 16)


def reference_file(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def changed(name: str, change: Callable[[Dataset], None]) -> bytes:
    data_set = pydicom.dcmread(BytesIO(reference_file(name)))
    change(data_set)
    file = BytesIO()
    data_set.save_as(file)
    return file.getvalue()


def image(pixels: Any, syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> bytes:
    """A file of `pixels`: (rows, columns), (frames, rows, columns) with NumberOfFrames, or (rows, columns, 3)."""
    pixels = np.asarray(pixels)
    is_colour = pixels.ndim == 3 and "NumberOfFrames" not in attributes
    data_set = Dataset()
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = UID(syntax)
    data_set.SOPClassUID, data_set.SOPInstanceUID = CTImageStorage, "1.2.3.4.5"
    data_set.SamplesPerPixel = 3 if is_colour else 1
    data_set.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    if is_colour:
        data_set.PlanarConfiguration = 0
    data_set.Rows, data_set.Columns = pixels.shape[:2] if is_colour else pixels.shape[-2:]
    if pixels.dtype.kind == "f":
        data_set.BitsAllocated = 8 * pixels.dtype.itemsize
        setattr(data_set, "FloatPixelData" if pixels.dtype.itemsize == 4 else "DoubleFloatPixelData", pixels.tobytes())
    else:
        data_set.BitsAllocated = data_set.BitsStored = 8 * pixels.dtype.itemsize
        data_set.HighBit = data_set.BitsStored - 1
        data_set.PixelRepresentation = int(pixels.dtype.kind == "i")
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        data_set.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        data_set["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    if data_set.file_meta.TransferSyntaxUID.is_encapsulated:
        data_set["PixelData"].VR, data_set["PixelData"].is_undefined_length = "OB", True
    file = BytesIO()
    data_set.save_as(file, enforce_file_format=True)
    return file.getvalue()


def sequence_item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def render(content: bytes, **options: Any) -> Any:
    """The samples of the PNG."""
    return np.asarray(Image.open(BytesIO(render_preview(BytesIO(content), format="png", **options)))).astype(int)


def refusal_of(content: bytes, **options: Any) -> str:
    with pytest.raises(NotRenderable) as refusal:
        render_preview(BytesIO(content), **options)
    assert refusal.value.message
    return refusal.value.code
