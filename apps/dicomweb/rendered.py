"""Rendered instances and frames, and thumbnails, by WADO-RS (PS3.18, 10.4.1.1.3 and 8.3.5); not for diagnosis."""

import math
from dataclasses import dataclass
from typing import Literal

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance
from apps.catalog.preview import JPEG_QUALITY, render_preview
from apps.catalog.preview_cache import kept_preview
from apps.core.ranges import AFTER_ASKING, tagged
from apps.dicomweb.accept import acceptables
from apps.dicomweb.refusal import Refused, refusing
from apps.dicomweb.targets import looked_at, shown_for
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Scope

FORMATS: dict[str, Literal["jpeg", "png"]] = {"image/jpeg": "jpeg", "image/png": "png"}
THUMBNAIL = 192
LARGEST_VIEWPORT = 16_384
MOST_PIXELS = 32 * 1024 * 1024
Size = tuple[int, int]
Part = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How a frame is to be shown, see render_preview."""

    format: Literal["jpeg", "png"]
    window: tuple[float, float] | None = None
    within: Size | None = None
    part: Part | None = None
    quality: int = JPEG_QUALITY

    @property
    def is_plain(self) -> bool:
        """One of the few looks that are worth keeping; the others are as many as there are numbers."""
        return self in (_Look(format="jpeg"), _Look(format="jpeg", within=(THUMBNAIL, THUMBNAIL)))


@facility_door(scope=Scope.READ, own_scope=True)
@refusing
def rendered(request: FacilityRequest, frame: str = "1", **uids: str) -> HttpResponseBase:
    """A frame, by default the first, as a picture. Parameters: window, viewport, quality."""
    within, part = _viewport(request.GET.get("viewport"))
    look = _Look(
        format=_format(request),
        window=_window(request.GET.get("window")),
        within=within,
        part=part,
        quality=_quality(request.GET.get("quality")),
    )
    return _picture(request, looked_at(request, uids), _number(frame), look)


@facility_door(scope=Scope.READ, own_scope=True)
@refusing
def thumbnail(request: FacilityRequest, frame: str = "1", **uids: str) -> HttpResponseBase:
    """A small picture of a frame, an instance, or of an image in the middle of a series or study."""
    within = _viewport(request.GET.get("viewport"))[0] or (THUMBNAIL, THUMBNAIL)
    look = _Look(format=_format(request), within=within)
    return _picture(request, shown_for(request, uids), _number(frame), look)


def _picture(request: FacilityRequest, instance: Instance, frame: int, look: _Look) -> HttpResponseBase:
    words = f"{frame}-{look.format}-{look.window}-{look.within}-{look.part}-{look.quality}".replace(" ", "")
    etag = f'"{bytes(instance.sha256).hex()[:24]}-{words}"'
    if answer := tagged(request, etag):
        return answer

    def render() -> bytes:
        with open_instance(instance) as file:
            return render_preview(
                file, frame=frame, within=look.within, part=look.part, window=look.window,
                format=look.format, quality=look.quality, max_pixels=MOST_PIXELS,
            )  # fmt: skip

    kept_as = f"wado-{frame}-{look.within[0] if look.within else 'whole'}"
    content = kept_preview(instance, kept_as, render) if look.is_plain else render()
    headers = {"ETag": etag, "Cache-Control": AFTER_ASKING}
    return HttpResponse(content, content_type=f"image/{look.format}", headers=headers)


def _format(request: FacilityRequest) -> Literal["jpeg", "png"]:
    for accepted in acceptables(request):
        for media_type, name in FORMATS.items():
            if not accepted.is_multipart and accepted.takes(media_type):
                return name
    raise Refused(406, f"The picture can be {' or '.join(FORMATS)}")


def _window(given: str | None) -> tuple[float, float] | None:
    """Center and width in modality units, and the function, of which there is one (8.3.5.1.2)."""
    if given is None:
        return None
    center, width, function = [*given.split(","), "linear"][:3] if given.count(",") in (1, 2) else ("", "", "")
    try:
        window = float(center), float(width)
    except ValueError:
        window = math.nan, math.nan
    if not all(map(math.isfinite, window)) or window[1] <= 0 or function.lower() != "linear":
        raise Refused(400, "window is a center, a width above 0 and, if at all, linear: window=40,400,linear")
    return window


def _viewport(given: str | None) -> tuple[Size | None, Part | None]:
    """Width and height to fit into, and the part of the frame to be shown (8.3.5.1.3)."""
    if given is None:
        return None, None
    try:
        width, height, *part = [int(each) for each in given.split(",")]
    except ValueError:
        width = height = 0
        part = []
    if not (0 < width <= LARGEST_VIEWPORT and 0 < height <= LARGEST_VIEWPORT and len(part) in (0, 4)):
        raise Refused(400, f"viewport is width,height up to {LARGEST_VIEWPORT}, or width,height,x,y,width,height")
    return (width, height), (part[0], part[1], part[2], part[3]) if part else None


def _quality(given: str | None) -> int:
    if given is None:
        return JPEG_QUALITY
    if not (given.isascii() and given.isdigit() and len(given) <= 3 and 1 <= int(given) <= 100):
        raise Refused(400, "quality is a number from 1 to 100")
    return int(given)


def _number(frame: str) -> int:
    if not frame.isascii() or not frame.isdigit() or len(frame) > 9:
        raise Refused(400, "One frame is rendered at a time, by its number from 1")
    return int(frame)
