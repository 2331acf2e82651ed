"""Display shutters: what of a frame is hidden, and how bright it is then (PS3.3 C.7.6.11)."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset
from pydicom.multival import MultiValue

from apps.catalog.preview.attributes import Attributes, number_in
from apps.catalog.preview.lookup import Levels

Hidden = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_]]
"""Of row numbers in a column and column numbers in a row, both from 1."""

_BLOCK_PIXELS = 1 << 18
_LARGEST_P_VALUE = 0xFFFF
_ERRORS = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def shut(image: Attributes, levels: Levels, white: int) -> None:
    """Hide what lies outside of any of the frame's shutters, in place. One that cannot be read hides nothing."""
    holder = image.holder("ShutterShape")
    if holder is None:
        return
    shapes = [hidden for name in _texts(holder["ShutterShape"].value) if (hidden := _hidden_by(name, holder, levels))]
    value = round((number_in(holder, "ShutterPresentationValue") or 0) / _LARGEST_P_VALUE * white)
    columns = np.arange(1, levels.shape[1] + 1)[None, :]
    step = max(1, _BLOCK_PIXELS // levels.shape[1])
    for top in range(0, len(levels) if shapes else 0, step):
        block = levels[top : top + step]
        rows = np.arange(top + 1, top + 1 + len(block))[:, None]
        for hidden in shapes:
            block[hidden(rows, columns)] = value


def _hidden_by(shape: str, holder: Dataset, levels: Levels) -> Hidden | None:
    with suppress(*_ERRORS):
        match shape:
            case "RECTANGULAR":
                return _rectangle(holder)
            case "CIRCULAR":
                return _circle(holder)
            case "POLYGONAL":
                return _polygon(holder, levels)
    return None


def _rectangle(holder: Dataset) -> Hidden:
    left, right, upper, lower = (
        int(holder[f"Shutter{side}Edge"].value)
        for side in ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
    )
    return lambda rows, columns: (columns < left) | (columns > right) | (rows < upper) | (rows > lower)


def _circle(holder: Dataset) -> Hidden:
    row, column = (int(each) for each in holder["CenterOfCircularShutter"].value)
    radius = int(holder["RadiusOfCircularShutter"].value)
    return lambda rows, columns: (rows - row) ** 2 + (columns - column) ** 2 > radius**2


def _polygon(holder: Dataset, levels: Levels) -> Hidden:
    """Its vertices are pairs of row and column."""
    numbers = [int(each) - 1 for each in holder["VerticesOfThePolygonalShutter"].value]
    corners = list(zip(numbers[1::2], numbers[::2], strict=True))
    mask = Image.new("1", (levels.shape[1], len(levels)), 1)
    ImageDraw.Draw(mask).polygon(corners, fill=0, outline=0)
    outside = np.asarray(mask)
    return lambda rows, _columns: outside[rows[0, 0] - 1 : rows[-1, 0]]


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, MultiValue) else [str(value)]
