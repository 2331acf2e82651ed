"""Lookup tables of the standard: of grey levels (PS3.3 C.11.1, C.11.2) and of colours (C.7.6.3.1.5, C.7.9.2)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

Levels = NDArray[np.unsignedinteger[Any]]

_BLOCK_PIXELS = 1 << 18  # temporary arrays hold as many
_MOST_ENTRIES = 65536
_WIDE = {True: "<u2", False: ">u2"}


class LookupTable(NamedTuple):
    """`entries[0]` belongs to input `first` and all below, the last one to all above. `largest` is the full scale."""

    entries: NDArray[np.unsignedinteger[Any]]
    first: int
    largest: int

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """The entries for inputs of any shape."""
        index = np.clip(np.nan_to_num(values) - np.float64(self.first), 0, len(self.entries) - 1)
        found: NDArray[Any] = self.entries[index.astype(np.int64)]
        return found


def levels_of(
    pixels: NDArray[Any], transform: Callable[[NDArray[Any]], Levels], depth: type[np.unsignedinteger[Any]] = np.uint8
) -> Levels:
    """`transform` of every stored value; computed once per possible value when those are few."""
    kind = pixels.dtype
    if kind.kind in "iu" and kind.itemsize <= 2:
        unsigned = np.dtype(f"u{kind.itemsize}")
        pixels = pixels.astype(kind.newbyteorder("="), copy=False).view(unsigned)
        values = np.arange(256**kind.itemsize, dtype=unsigned).view(kind.newbyteorder("="))
        transform = transform(values).__getitem__
    levels: Levels = np.empty(pixels.shape, depth)
    rows = max(1, _BLOCK_PIXELS // pixels.shape[1])
    for start in range(0, len(pixels), rows):
        levels[start : start + rows] = transform(pixels[start : start + rows])
    return levels


def grey_table(item: Dataset, *, is_little_endian: bool) -> LookupTable:
    """Of an item of ModalityLUTSequence or VOILUTSequence. Raises ValueError and the like when it is none."""
    data = item["LUTData"].value
    raw = data if isinstance(data, bytes) else np.atleast_1d(data).astype(_WIDE[is_little_endian]).tobytes()
    return _table(item["LUTDescriptor"].value, raw, is_little_endian=is_little_endian)


def colour_table(holder: Dataset, colour: str, *, is_little_endian: bool) -> LookupTable:
    """`colour` is Red, Green or Blue. Raises KeyError, ValueError and the like when the table is missing or wrong."""
    descriptor = holder[f"{colour}PaletteColorLookupTableDescriptor"].value
    name = f"{colour}PaletteColorLookupTableData"
    if name in holder:
        return _table(descriptor, holder[name].value, is_little_endian=is_little_endian)
    raw = holder[f"Segmented{name}"].value
    kind = _WIDE[is_little_endian] if descriptor[2] > 8 else "u1"
    entries = _expanded(np.frombuffer(raw[: len(raw) // 2 * 2], kind).tolist())
    return LookupTable(np.array(entries, np.uint16), int(descriptor[1]), (1 << descriptor[2]) - 1)


def _table(descriptor: Any, raw: bytes, *, is_little_endian: bool) -> LookupTable:
    """Eight bit entries may be packed, or each stand in 16 bits; more bits may be in use than the descriptor says."""
    count = int(descriptor[0]) % _MOST_ENTRIES or _MOST_ENTRIES
    kind = _WIDE[is_little_endian] if len(raw) >= 2 * count else "u1"
    entries = np.frombuffer(raw, kind, min(count, len(raw) // np.dtype(kind).itemsize))
    if not len(entries):
        raise ValueError("a lookup table without entries")
    return LookupTable(entries, int(descriptor[1]), max((1 << int(descriptor[2])) - 1, int(entries.max())))


def _expanded(segments: list[int]) -> list[int]:
    """A segmented table (PS3.3 C.7.9.2) of discrete and linear segments. Raises ValueError when it is another one."""
    entries: list[int] = []
    at = 0
    while at + 1 < len(segments):
        kind, length = segments[at : at + 2]
        if kind == 0:
            entries += segments[at + 2 : at + 2 + length]
            at += 2 + length
        elif kind == 1 and entries and at + 2 < len(segments):
            start, rise = entries[-1], segments[at + 2] - entries[-1]
            entries += [start + round(rise * step / length) for step in range(1, length + 1)]
            at += 3
        else:
            raise ValueError("a segment of another kind")
        if len(entries) > _MOST_ENTRIES:
            raise ValueError("a lookup table with too many entries")
    return entries
