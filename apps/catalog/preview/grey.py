"""Stored values to grey levels: the grayscale transformations of PS3.4 N.2, without annotations."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from apps.catalog.preview.attributes import Attributes, number_in
from apps.catalog.preview.frame import Frame
from apps.catalog.preview.lookup import Levels, LookupTable, grey_table, levels_of

Values = NDArray[np.float64]
Transform = Callable[[Values], Values]

_SAMPLE_PIXELS = 1 << 16
_LUT_ERRORS = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def grey_levels(frame: Frame, image: Attributes, window: tuple[float, float] | None, bits: int) -> Levels:
    """0 is black, the largest number of `bits` (up to 16) white, shaped as the frame. Padding is black (PS3.3
    C.7.5.1.1.2).
    """
    depth: type[np.unsignedinteger[Any]] = np.uint8 if bits <= 8 else np.uint16
    white = (1 << bits) - 1
    modality = _modality(image)
    voi = _linear(*window) if window else _voi_of(image) or _ramp(*_span_of(frame, image, modality))
    inverse = is_inverse(frame, image)

    def transform(stored: NDArray[Any]) -> Levels:
        shown = np.clip(np.nan_to_num(voi(modality(stored.astype(np.float64)))), 0, 1)
        grey: Levels = np.rint((1 - shown if inverse else shown) * white).astype(depth)
        grey[_is_padding(stored, image)] = 0
        return grey

    return levels_of(frame.pixels, transform, depth)


def shown_window(frame: Frame, image: Attributes) -> tuple[float, float]:
    """Center and width, in modality units, by which grey_levels shows a frame that nobody asks another one for; of a
    VOI LUT the values that it tells apart.
    """
    if table := _table(image, "VOILUTSequence"):
        return table.first + len(table.entries) / 2, float(len(table.entries))
    holder = image.holder("WindowWidth")
    if holder is not None and (found := _window_in(holder)):
        return found
    low, span = _span_of(frame, image, _modality(image))
    return low + span / 2, span


def is_inverse(frame: Frame, image: Attributes) -> bool:
    """PS3.3 C.11.6; both attributes describe the same, and the shape is the newer."""
    shape = image.text("PresentationLUTShape")
    return shape == "INVERSE" if shape in ("INVERSE", "IDENTITY") else frame.photometric_interpretation == "MONOCHROME1"


def _modality(image: Attributes) -> Transform:
    """PS3.3 C.11.1: a table, else a line, else the stored value."""
    if table := _table(image, "ModalityLUTSequence"):
        return lambda values: table.of(values).astype(np.float64)
    slope = image.number("RescaleSlope") or 1.0
    intercept = image.number("RescaleIntercept") or 0.0
    return lambda values: values * slope + intercept


def _voi_of(image: Attributes) -> Transform | None:
    """PS3.3 C.11.2: the object's first table or window."""
    if table := _table(image, "VOILUTSequence"):
        return lambda values: table.of(np.rint(values)) / table.largest
    holder = image.holder("WindowWidth")
    return _window_of(holder) if holder is not None else None


def _window_of(holder: Dataset) -> Transform | None:
    found = _window_in(holder)
    if not found:
        return None
    center, width = found
    function = str(holder.get("VOILUTFunction") or "")
    if function == "SIGMOID":
        return lambda values: 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    return _ramp(center - width / 2, width) if function == "LINEAR_EXACT" else _linear(center, width)


def _window_in(holder: Dataset) -> tuple[float, float] | None:
    center, width = number_in(holder, "WindowCenter"), number_in(holder, "WindowWidth")
    return None if center is None or width is None or width <= 0 else (center, width)


def _span_of(frame: Frame, image: Attributes, modality: Transform) -> tuple[float, float]:
    """The object names no window: the least of its values and their span, without the outermost hundredths."""
    if frame.bits_stored == 1:
        return 0, 1
    flat = frame.pixels.reshape(-1)
    sample = flat[:: -(-flat.size // _SAMPLE_PIXELS)]
    values = modality(sample[~_is_padding(sample, image)].astype(np.float64))
    values = values[np.isfinite(values)]
    if not values.size:
        return 0, 1
    low, high = np.percentile(values, (1, 99))
    if low == high:
        low, high = _extremes(frame, image, modality)
    return float(low), float(high - low)


def _extremes(frame: Frame, image: Attributes, modality: Transform) -> tuple[float, float]:
    stored = frame.pixels[~_is_padding(frame.pixels, image)]
    values = modality(np.array([np.nanmin(stored), np.nanmax(stored)], np.float64))
    return float(np.min(values)), float(np.max(values))


def _linear(center: float, width: float) -> Transform:
    """PS3.3 C.11.2.1.2.1, and for widths below 1, which it does not know, C.11.2.1.3.2."""
    return _ramp(center - 0.5 - (width - 1) / 2, width - 1) if width >= 1 else _ramp(center - width / 2, width)


def _ramp(low: float, span: float) -> Transform:
    """0 at `low`, 1 at `low + span`."""
    if span == 0:
        return lambda values: (values > low).astype(np.float64)
    return lambda values: (values - low) / span


def _is_padding(stored: NDArray[Any], image: Attributes) -> NDArray[np.bool_]:
    """PS3.3 C.7.5.1.1.2: a value or a range of stored values."""
    keywords = ("PixelPaddingValue", "FloatPixelPaddingValue", "DoubleFloatPixelPaddingValue")
    value = next((number for keyword in keywords if (number := image.number(keyword)) is not None), None)
    if value is None:
        return np.zeros(stored.shape, np.bool_)
    limit = image.number("PixelPaddingRangeLimit")
    ends = [_wrapped(end, stored.dtype) for end in (value, value if limit is None else limit)]
    is_padding: NDArray[np.bool_] = (stored >= min(ends)) & (stored <= max(ends))
    return is_padding


def _wrapped(number: float, kind: np.dtype[Any]) -> float:
    """Some writers give the padding value in the other signedness than the pixels."""
    if kind.kind not in "iu":
        return number
    modulus: int = 256**kind.itemsize
    wrapped = int(number) % modulus
    return wrapped - modulus if kind.kind == "i" and wrapped >= modulus // 2 else wrapped


def _table(image: Attributes, keyword: str) -> LookupTable | None:
    """A table that cannot be read is passed over."""
    with suppress(*_LUT_ERRORS):
        holder = image.holder(keyword)
        if holder is not None and holder[keyword].value:
            return grey_table(holder[keyword].value[0], is_little_endian=image.is_little_endian)
    return None
