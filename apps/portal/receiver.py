"""What a receiver sees by a share link: a page that asks for the factors, then the pictures and the files."""

import unicodedata
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from allauth.core import ratelimit
from django import forms
from django.conf import settings
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from apps.audit.record import Actor
from apps.catalog.models import Series
from apps.core.clock import database_now
from apps.facilities.middleware import source_address
from apps.facilities.tenancy import as_facility
from apps.orders.errors import LinkNotOpened, NoDownloadsLeft
from apps.orders.fetching import as_answer
from apps.orders.sharing import OPEN_FOR, Opened, Shared, open_link, recognize, take_download
from apps.portal.images import SIZES, drawn
from apps.portal.numbers import whole_number
from apps.portal.series import frames_of

COOKIE = "share"
View = Callable[..., HttpResponseBase]
Response = TypeVar("Response", bound=HttpResponseBase)


class FactorsForm(forms.Form):
    """What a link opens to. The script of the page fills in the link's key, which the address holds behind `#`."""

    token = forms.CharField(
        label=gettext_lazy("Key of the link"), max_length=100, help_text=gettext_lazy("What its address has behind #."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    birth_date = forms.DateField(
        label=gettext_lazy("The patient's date of birth"), required=False,
        help_text=gettext_lazy("Leave it empty if you were told so."),
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "off"}),
    )  # fmt: skip
    code = forms.CharField(
        label=gettext_lazy("Code"), max_length=40,
        help_text=gettext_lazy("You were told it by telephone, or have it in a mail."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )  # fmt: skip

    def clean_code(self) -> str:
        """Digits of any script and width; what stands between them is for people."""
        digits = (unicodedata.digit(each, None) for each in self.cleaned_data["code"])
        return "".join(str(digit) for digit in digits if digit is not None)


@sensitive_post_parameters("token", "birth_date", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def entrance(request: HttpRequest) -> HttpResponse:
    """Asks for the factors. Who only looks, as mail scanners and previews of links do, changes nothing: the link does
    not even reach the server.
    """
    if request.method != "POST":
        return _closed(request, FactorsForm())
    form = FactorsForm(request.POST)
    if not ratelimit.consume(request, action="open_share_link"):
        return _closed(request, form, fault=_("Too many tries from here. Wait a minute."), status=429)
    if not form.is_valid():
        return _closed(request, form, status=422)
    try:
        opened = open_link(**form.cleaned_data, source_address=source_address(request), now=database_now())
    except LinkNotOpened as error:
        return _closed(request, form, fault=error.message, status=403)
    return _entered(opened)


def _entered(opened: Opened) -> HttpResponse:
    """To the link's page, with a cookie that no other link, no script and no other site gets."""
    response = _kept_to_oneself(redirect("receiver:overview", link_uid=opened.opening.link.uid))
    response.set_cookie(
        COOKIE, opened.secret, max_age=OPEN_FOR, path=response["Location"], secure=settings.SECURE, httponly=True,
        samesite="Strict",
    )  # fmt: skip
    return response


def behind_link(view: View) -> View:
    """A page of who has opened the link: it runs as the facility, and is given what is shared."""

    @require_safe
    @wraps(view)
    def opened(request: HttpRequest, link_uid: UUID, **kwargs: Any) -> HttpResponseBase:
        try:
            shared = recognize(request.COOKIES.get(COOKIE, ""), link_uid, now=database_now())
        except LinkNotOpened:
            fault = _("Open the link once more: it was open for an hour.")
            return _closed(request, FactorsForm(), fault=fault, status=403)
        facility = shared.opening.facility
        with as_facility(facility), timezone.override(facility.time_zone):
            return _kept_to_oneself(view(request, shared, **kwargs))

    return opened


@behind_link
def overview(request: HttpRequest, shared: Shared) -> HttpResponse:
    """Who shares what, until when, and how to have it."""
    counted = shared.images.order_by().values("series").annotate(images=Count("pk"), first=Min("pk"))
    of_series = {each["series"]: each for each in counted}
    found = Series.objects.filter(facility=shared.link.facility_id, pk__in=of_series).select_related("study__patient")
    context = {
        "shared": shared,
        "series": [(each, of_series[each.pk]) for each in found.order_by("study_id", "series_number", "pk")],
        "can_download": shared.opening.downloaded_at is not None or shared.link.downloads_left > 0,
    }
    return render(request, "receiver/overview.html", context)


@behind_link
def series(request: HttpRequest, shared: Shared, series_id: int) -> HttpResponse:
    """One series, picture by picture. Without script the links lead from one to the next."""
    frames = frames_of(shared.images.filter(series=series_id))
    if not frames:
        raise Http404
    number = min(max(whole_number(request.GET.get("image", "")) or 1, 1), len(frames))
    shown = Series.objects.select_related("study__patient").get(facility=shared.link.facility_id, pk=series_id)
    context = {
        "shared": shared, "series": shown, "number": number, "count": len(frames), "instance_id": frames[number - 1][0],
        "frame": frames[number - 1][1], "frames": [{"id": each, "frame": at} for each, at in frames],
    }  # fmt: skip
    return render(request, "receiver/series.html", context)


@behind_link
def picture(request: HttpRequest, shared: Shared, instance_id: int) -> HttpResponse:
    """A frame as a JPEG."""
    size, frame = request.GET.get("size", "thumb"), whole_number(request.GET.get("frame", "1"))
    if size not in SIZES or frame is None:
        raise Http404
    return drawn(request, get_object_or_404(shared.images, pk=instance_id), frame, size)


@behind_link
def files(request: HttpRequest, shared: Shared) -> HttpResponseBase:
    """The ZIP, in parts where wanted. Asking for bytes counts a download, once while it is open; HEAD counts none."""
    if request.method == "GET":
        try:
            take_download(shared, actor=_receiver(request, shared), now=database_now())
        except NoDownloadsLeft as error:
            return render(request, "receiver/refused.html", {"shared": shared, "refusal": error.message}, status=403)
    return as_answer(request, shared.link.order, shared.output)


def _receiver(request: HttpRequest, shared: Shared) -> Actor:
    return Actor("receiver", str(shared.link.pk), source_address(request))


def _closed(request: HttpRequest, form: FactorsForm, *, fault: str = "", status: int = 200) -> HttpResponse:
    """The page that asks for the factors: the same for every link, and for none."""
    context = {"form": form, "fault": fault}
    return _kept_to_oneself(render(request, "receiver/entrance.html", context, status=status))


def _kept_to_oneself(response: Response) -> Response:
    """Kept by no browser and found by no search engine."""
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response
