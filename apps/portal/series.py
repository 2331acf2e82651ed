"""The viewer: one series, image by image."""

from collections.abc import Iterator
from itertools import islice

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.catalog.models import Instance, Series
from apps.catalog.windows import MODALITY, WINDOWS
from apps.facilities.doors import FacilityRequest, facility_door
from apps.portal.looks import look_at_study
from apps.portal.numbers import whole_number

MOST_FRAMES = 2000
RATES = (2, 5, 10, 15, 25, 30, 60)
"""At which a series can be played, in pictures a second, beside its own."""
WORDS = {  # of static/js/viewer.js
    "label": _("Image {number} of {count}"),
    "window": _("C {center} · W {width}"),
    "lost": _("The image could not be loaded. Are you still signed in?"),
    "problem": _("This image cannot be shown: {why} The original file can be downloaded all the same."),
    "by": {
        "PixelSpacing": _("by the image's Pixel Spacing"),
        "ImagerPixelSpacing": _("at the detector"),
        "NominalScannedPixelSpacing": _("on the scanned film"),
        "region": _("by the calibration of its ultrasound region"),
        "outside": _("not within one calibrated region"),
        "none": _("the image does not tell the size of a pixel"),
    },
}


@facility_door()
@require_safe
def viewer(request: FacilityRequest, series_id: int) -> HttpResponse:
    """Without script the links lead from image to image; with it, keys, wheel and slider do. The view is recorded."""
    series = get_object_or_404(Series.objects.select_related("study__patient"), facility=request.facility, pk=series_id)
    instances = Instance.objects.filter(facility=request.facility, series=series).order_by("instance_number", "id")
    frames = frames_of(instances)
    if not frames:
        raise Http404
    number = min(max(whole_number(request.GET.get("image", "")) or 1, 1), len(frames))
    instance_id, frame = frames[number - 1]
    windows = WINDOWS if series.modality == MODALITY else {}
    is_grey = instances.filter(pk=instance_id, photometric_interpretation__startswith="MONOCHROME").exists()
    look_at_study(request, series.study_id, series=series.pk)
    data = {
        "frames": [{"id": each, "frame": at} for each, at in frames],
        "windows": {name: levels for name, (_label, levels) in windows.items()},
        "tool": "window" if is_grey else "move",
        "words": WORDS,
    }
    context = {
        "series": series,
        "study": series.study,
        "data": data,
        "number": number,
        "count": len(frames),
        "instance_id": instance_id,
        "frame": frame,
        "windows": windows,
        "rates": RATES,
        "window": request.GET.get("window", ""),
    }
    return render(request, "portal/viewer.html", context)


def frames_of(instances: QuerySet[Instance]) -> list[tuple[int, int]]:
    """Id and frame, image by image, up to a bound."""
    return list(islice(_frames(instances), MOST_FRAMES))


def _frames(instances: QuerySet[Instance]) -> Iterator[tuple[int, int]]:
    """Lazy: what a file says of its number of frames need not be true."""
    for pk, frames in instances.values_list("pk", "number_of_frames")[:MOST_FRAMES]:
        for frame in range(1, (frames or 1) + 1):
            yield pk, frame
