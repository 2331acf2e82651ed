"""By which window grey pictures of a sheet are made (PS3.3 C.11.2)."""

from collections.abc import Mapping
from typing import Any

from apps.catalog.models import Instance
from apps.catalog.windows import MODALITY, WINDOWS

OWN, GIVEN = "own", "given"
Window = tuple[float, float]


def window_of(instance: Instance, options: Mapping[str, Any]) -> Window | None:
    """Center and width in modality units; None for what the image has itself. Named windows are those of CT alone."""
    name = options.get("window", OWN)
    if name == GIVEN:
        return options["window_center"], options["window_width"]
    is_named = name in WINDOWS and instance.series.modality == MODALITY
    return WINDOWS[name][1] if is_named else None


def in_words(window: Window | None) -> str:
    """As it stands below a picture; nothing of the image's own."""
    return f"C {window[0]:g} W {window[1]:g}" if window else ""
