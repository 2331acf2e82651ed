"""The viewer: one series, image by image."""

from collections.abc import Iterator
from itertools import islice

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.catalog.models import Instance, Series
from apps.facilities.doors import FacilityRequest, facility_door
from apps.portal.images import WINDOWS
from apps.portal.looks import look_at_study
from apps.portal.numbers import whole_number

MOST_FRAMES = 2000


@facility_door()
@require_safe
def viewer(request: FacilityRequest, series_id: int) -> HttpResponse:
    """Without script the links lead from image to image; with it, keys, wheel and slider do. The view is recorded."""
    series = get_object_or_404(Series.objects.select_related("study__patient"), facility=request.facility, pk=series_id)
    instances = Instance.objects.filter(facility=request.facility, series=series).order_by("instance_number", "id")
    frames = list(islice(_frames(instances), MOST_FRAMES))
    if not frames:
        raise Http404
    number = min(max(whole_number(request.GET.get("image", "")) or 1, 1), len(frames))
    instance_id, frame = frames[number - 1]
    look_at_study(request, series.study_id, series=series.pk)
    context = {
        "series": series,
        "study": series.study,
        "frames": [{"id": each, "frame": at} for each, at in frames],
        "number": number,
        "count": len(frames),
        "instance_id": instance_id,
        "frame": frame,
        "windows": WINDOWS if series.modality == "CT" else {},
        "window": request.GET.get("window", ""),
    }
    return render(request, "portal/viewer.html", context)


def _frames(instances: QuerySet[Instance]) -> Iterator[tuple[int, int]]:
    """Id and frame, image by image. Lazy: what a file says of its number of frames need not be true."""
    for pk, frames in instances.values_list("pk", "number_of_frames")[:MOST_FRAMES]:
        for frame in range(1, (frames or 1) + 1):
            yield pk, frame
