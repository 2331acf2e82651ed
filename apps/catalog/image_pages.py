"""The workplace's pages of images, for those of staff who said why they need to see them."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.catalog.bytes import open_instance
from apps.catalog.image_access import access_of, record_look
from apps.catalog.models import Conflict, ConflictKind, ImageAccess, Instance, Series, Study
from apps.catalog.preview import NotRenderable, render_preview
from apps.catalog.preview_cache import kept_preview
from apps.core.admin import page_of
from apps.core.clock import database_now
from apps.vault.errors import MissingPack, VaultUnavailable

SIZES = {"thumb": 192, "view": 1024}
MOST_PIXELS = 32 * 1024 * 1024
A_PAGE = 48


def urls(site: AdminSite) -> list[URLPattern]:
    """The pages' addresses, for the model admin that takes them in."""

    @require_safe
    def images(request: HttpRequest, study_id: int) -> HttpResponse:
        return images_page(site, request, study_id)

    return [
        path("<int:study_id>/images/", site.admin_view(images), name="catalog_study_images"),
        path("images/<int:instance_id>/<str:size>.jpg", site.admin_view(image), name="catalog_image"),
        path("conflicts/<int:conflict_id>/<str:size>.jpg", site.admin_view(conflicting), name="catalog_other_image"),
    ]


def images_page(site: AdminSite, request: HttpRequest, study_id: int) -> HttpResponse:
    """The images of one series of a study, and one of them large."""
    study = get_object_or_404(Study.objects.select_related("facility"), pk=study_id)
    access = access_of(study, person=staff_member(request), now=database_now())
    if access is None:
        messages.warning(request, _("Say first why you need to see the images of this study."))
        return redirect(page_of(study))
    series = list(Series.objects.filter(facility_id=study.facility_id, study=study).order_by("series_number", "pk"))
    chosen = next((each for each in series if str(each.pk) == request.GET.get("series")), series[0] if series else None)
    found = Instance.objects.filter(facility_id=study.facility_id, series=chosen).order_by("instance_number", "pk")
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    shown = list(page)
    record_look(access, study, actor=staff_actor(request), images=len(shown))
    context = site.each_context(request) | {
        "title": _("Images"),
        "study": study,
        "access": access,
        "series": series,
        "chosen": chosen,
        "page": page,
        "shown": shown,
        **_large(shown, request.GET.get("image", "")),
    }
    return TemplateResponse(request, "admin/catalog/images.html", context)


@require_safe
def image(request: HttpRequest, instance_id: int, size: str) -> HttpResponse:
    """A stored image as a JPEG; a tile that says why there is none."""
    found = get_object_or_404(Instance.objects.select_related("pack", "series__study"), pk=instance_id)
    _require_access(request, found.series.study)
    longest = _longest(size)

    def draw() -> bytes:
        return _drawn(found, longest)

    return _answer(request, found.series.modality, lambda: kept_preview(found, f"{size}-1-own", draw))


@require_safe
def conflicting(request: HttpRequest, conflict_id: int, size: str) -> HttpResponse:
    """The same of a file in conflict."""
    found = get_object_or_404(
        Conflict.objects.exclude(kind=ConflictKind.UNREADABLE).select_related("pack", "study"), pk=conflict_id
    )
    _require_access(request, found.study)
    longest = _longest(size)
    return _answer(request, "", lambda: _drawn(found, longest))


def _require_access(request: HttpRequest, study: Study) -> ImageAccess:
    access = access_of(study, person=staff_member(request), now=database_now())
    if access is None:
        raise PermissionDenied
    return access


def _longest(size: str) -> int:
    if size not in SIZES:
        raise Http404
    return SIZES[size]


def _drawn(stored: Instance | Conflict, longest: int) -> bytes:
    with open_instance(stored) as file:
        return render_preview(file, longest_side=longest, max_pixels=MOST_PIXELS)


def _answer(request: HttpRequest, modality: str, draw: Any) -> HttpResponse:
    try:
        response = HttpResponse(draw(), content_type="image/jpeg")
    except (NotRenderable, MissingPack, VaultUnavailable) as error:
        context = {"label": modality or "?", "code": error.code, "reason": []}
        response = render(request, "portal/no_preview.svg", context, content_type="image/svg+xml")
    response["Cache-Control"] = "no-store"
    return response


def _large(shown: list[Instance], wanted: str) -> dict[str, Any]:
    """The image that is wanted large, and its neighbours on the page."""
    keys = [str(each.pk) for each in shown]
    if wanted not in keys:
        return {"large": None}
    at = keys.index(wanted)
    return {
        "large": shown[at],
        "before": shown[at - 1] if at else None,
        "after": shown[at + 1] if at + 1 < len(shown) else None,
    }
