"""An image as a preview, and as the file that was received."""

import re
from dataclasses import asdict
from functools import partial
from textwrap import wrap

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.audit.record import record
from apps.catalog.bytes import instance_range, open_instance
from apps.catalog.models import Instance
from apps.catalog.preview import NotRenderable, facts_of, render_preview
from apps.catalog.preview_cache import kept_preview
from apps.catalog.windows import WINDOWS
from apps.core.ranges import AFTER_ASKING, in_parts, tagged
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.tenancy import as_facility
from apps.portal.looks import look_at_image
from apps.portal.numbers import whole_number

SIZES = {"thumb": 192, "view": 1024, "large": 4096}
MOST_PREVIEW_PIXELS = 32 * 1024 * 1024
CHARACTERS = 24  # of a line below the tile of an image that has no picture
_NUMBERS = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?,(?=[0-9.]*[1-9])[0-9]{1,9}(\.[0-9]{1,6})?")


@facility_door()
@require_safe
def preview(request: FacilityRequest, instance_id: int) -> HttpResponseBase:
    """A JPEG of one frame. An instance never changes, so it is rendered once and kept, here and in the browser; but
    for windows that are not among those with a name, of which there are as many as numbers.
    """
    size, window, frame = request.GET.get("size", "thumb"), request.GET.get("window", ""), _frame(request)
    if size not in SIZES or (window and window not in WINDOWS and not _NUMBERS.fullmatch(window)):
        raise Http404
    instance = _instance(request, instance_id)
    if size != "thumb":
        look_at_image(request, instance.series.study_id)
    etag = f'"{bytes(instance.sha256).hex()[:24]}-{size}-{frame}-{window}"'
    if known := tagged(request, etag):
        return known
    response = drawn(request, instance, frame, size, window)
    if response["Content-Type"] == "image/jpeg":
        response["ETag"], response["Cache-Control"] = etag, AFTER_ASKING
    return response


def drawn(request: HttpRequest, instance: Instance, frame: int, size: str, window: str = "") -> HttpResponse:
    """A frame as a JPEG; a tile that says why there is none. `window` by its name, or as "center,width"."""
    try:
        return HttpResponse(_rendered(instance, frame, size, window), content_type="image/jpeg")
    except NotRenderable as error:
        reason = (
            [] if size == "thumb" else wrap(error.message, CHARACTERS if error.message.isascii() else CHARACTERS // 2)
        )
        context = {"label": _kind(instance), "code": error.code, "reason": reason}
        return render(request, "portal/no_preview.svg", context, content_type="image/svg+xml")


def _rendered(instance: Instance, frame: int, size: str, window: str) -> bytes:
    """As it was kept or as it is made now. Raises NotRenderable."""

    def draw() -> bytes:
        with open_instance(instance) as file:
            levels = WINDOWS[window][1] if window in WINDOWS else _numbers(window)
            return render_preview(
                file, frame=frame, longest_side=SIZES[size], window=levels, max_pixels=MOST_PREVIEW_PIXELS
            )

    is_named = not window or window in WINDOWS
    return kept_preview(instance, f"{size}-{frame}-{window or 'own'}", draw) if is_named else draw()


@facility_door()
@require_safe
def facts(request: FacilityRequest, instance_id: int) -> HttpResponseBase:
    """What the viewer needs to know of a frame to change its window and to measure; or why it has no picture."""
    frame, instance = _frame(request), _instance(request, instance_id)
    look_at_image(request, instance.series.study_id)
    etag = f'"{bytes(instance.sha256).hex()[:24]}-facts2-{frame}"'
    if known := tagged(request, etag):
        return known
    try:
        with open_instance(instance) as file:
            found = asdict(facts_of(file, frame=frame, max_pixels=MOST_PREVIEW_PIXELS))
    except NotRenderable as error:
        found = {"problem": error.message}
    return JsonResponse(found, headers={"ETag": etag, "Cache-Control": AFTER_ASKING})


def _instance(request: FacilityRequest, instance_id: int) -> Instance:
    instances = Instance.objects.select_related("pack", "series")
    return get_object_or_404(instances, facility=request.facility, pk=instance_id)


def _frame(request: FacilityRequest) -> int:
    frame = whole_number(request.GET.get("frame", "1"))
    if frame is None:
        raise Http404
    return frame


def _numbers(window: str) -> tuple[float, float] | None:
    """Center and width; None for the image's own."""
    if not window:
        return None
    center, width = map(float, window.split(","))
    return center, width


def _kind(instance: Instance) -> str:
    return instance.series.modality or "?"


@facility_door(own_scope=True)
@require_safe
def download(request: FacilityRequest, instance_id: int) -> HttpResponseBase:
    """The file byte for byte as it was received; streamed after the transaction that records it."""
    with as_facility(request.facility):
        instance = get_object_or_404(Instance.objects.select_related("pack"), facility=request.facility, pk=instance_id)
        record(
            "image.downloaded",
            actor=request.actor,
            object_type="instance",
            object_id=instance.pk,
            facility_id=request.facility.pk,
        )
    response = in_parts(
        request,
        partial(instance_range, instance),
        size=instance.length_bytes,
        etag=f'"{bytes(instance.sha256).hex()}"',
        content_type="application/dicom",
    )
    response["Content-Disposition"] = f'attachment; filename="{instance.pk}.dcm"'
    return response
