"""An image as a preview, and as the file that was received."""

from functools import partial

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.audit.record import record
from apps.catalog.bytes import instance_range, open_instance
from apps.catalog.models import Instance
from apps.catalog.preview import NotRenderable, render_preview
from apps.catalog.preview_cache import kept_preview
from apps.core.ranges import AFTER_ASKING, in_parts, tagged
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.tenancy import as_facility
from apps.portal.looks import look_at_image
from apps.portal.numbers import whole_number

SIZES = {"thumb": 192, "view": 1024}
# Centre and width in Hounsfield units, as radiology commonly uses them.
WINDOWS = {
    "lung": (_("Lung"), (-600.0, 1500.0)),
    "soft": (_("Soft tissue"), (40.0, 400.0)),
    "bone": (_("Bone"), (400.0, 1800.0)),
    "brain": (_("Brain"), (40.0, 80.0)),
}
MOST_PREVIEW_PIXELS = 32 * 1024 * 1024


@facility_door()
@require_safe
def preview(request: FacilityRequest, instance_id: int) -> HttpResponseBase:
    """A JPEG of one frame. An instance never changes, so it is rendered once and kept, here and in the browser."""
    size, window = request.GET.get("size", "thumb"), request.GET.get("window", "")
    frame = whole_number(request.GET.get("frame", "1"))
    if size not in SIZES or (window and window not in WINDOWS) or frame is None:
        raise Http404
    instance = get_object_or_404(
        Instance.objects.select_related("pack", "series"), facility=request.facility, pk=instance_id
    )
    if size == "view":
        look_at_image(request, instance.series.study_id)
    etag = f'"{bytes(instance.sha256).hex()[:24]}-{size}-{frame}-{window}"'
    if known := tagged(request, etag):
        return known
    try:
        content = rendered(instance, frame, size, window)
    except NotRenderable as error:
        return render(
            request,
            "portal/no_preview.svg",
            {"label": _kind(instance), "code": error.code},
            content_type="image/svg+xml",
        )
    return HttpResponse(content, content_type="image/jpeg", headers={"ETag": etag, "Cache-Control": AFTER_ASKING})


def rendered(instance: Instance, frame: int, size: str, window: str = "") -> bytes:
    """A frame as a JPEG, as it was kept or as it is made now. Raises NotRenderable."""

    def render() -> bytes:
        with open_instance(instance) as file:
            return render_preview(
                file,
                frame=frame,
                longest_side=SIZES[size],
                window=WINDOWS[window][1] if window else None,
                max_pixels=MOST_PREVIEW_PIXELS,
            )

    return kept_preview(instance, f"{size}-{frame}-{window or 'own'}", render)


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
