"""Forms that are sent when the sign-in has ended, and forms that are sent twice."""

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _

from apps.accounts.kept_forms import FORGERY_FIELD, WITHOUT_SIGN_IN, keep, page_of, remember_whose, take

GetResponse = Callable[[HttpRequest], HttpResponseBase]
REMEMBERED_S = 12 * 3600
IN_PROGRESS_S = 300
PATIENCE_S, LOOK_EVERY_S = 10, 0.1
IN_PROGRESS, DONE = "in progress", "done"
OF_PROGRAMS = "/api/"
"""What is sent there is read by the API itself, and repeated by its own key."""


class KeptForms:
    """Leads who sends a form after their sign-in has ended to sign in, and then back to the form as they filled it in.

    Must stand below authentication. A page that htmx asks for leads the whole window there.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _leads_to_sign_in(request, response) and not request.user.is_authenticated:
            return _to_sign_in(request, response)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (kept := take(request)):
            return render(request, "account/kept_form.html", {"kept": kept})
        remember_whose(request, response)
        return response


class SentOnce:
    """A form that is sent twice (its button pressed twice; back, and again) acts once; both get the first's answer.

    The token against forged requests differs each time that a page is made: the same token with the same content is
    the same form. Answers that have not acted (the form with its faults, errors) are forgotten: 200 is one of those
    here, and 201 an act whose answer is shown once. Domain functions are safe without this; it is for what people may
    do twice.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = _key_of(request)
        return self._once(request, key) if key else self.get_response(request)

    def _once(self, request: HttpRequest, key: str) -> HttpResponseBase:
        until = time.monotonic() + PATIENCE_S
        while not cache.add(key, IN_PROGRESS, IN_PROGRESS_S):
            before = cache.get(key)
            if before not in {None, IN_PROGRESS}:
                return _said_before(request, before)
            if time.monotonic() > until:
                return render(request, "409.html", {"is_going_on": True}, status=HTTPStatus.CONFLICT)
            time.sleep(LOOK_EVERY_S)
        response = self.get_response(request)
        if response.status_code == HTTPStatus.FOUND and not _was_refused(request):
            cache.set(key, response.headers["Location"], REMEMBERED_S)
        elif response.status_code == HTTPStatus.CREATED:
            cache.set(key, DONE, REMEMBERED_S)
        else:
            cache.delete(key)
        return response


def form_too_old(request: HttpRequest, **_reason: str) -> HttpResponse:
    """The answer to a form whose page was made for another sign-in, or by another site: nothing is done."""
    page, is_kept = page_of(request), keep(request)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=HTTPStatus.FORBIDDEN, headers={"HX-Redirect": page})
    context = {"page": page if page != request.get_full_path() else "/", "is_kept": is_kept}
    return render(request, "403_csrf.html", context, status=HTTPStatus.FORBIDDEN)


def kept_form(request: HttpRequest) -> dict[str, Any]:
    """For templates: what was kept of this page's form, asked for where it is shown."""
    return {"kept_form": lambda: take(request)}


def _leads_to_sign_in(request: HttpRequest, response: HttpResponseBase) -> bool:
    if response.status_code != HTTPStatus.FOUND or request.path.startswith(WITHOUT_SIGN_IN):
        return False
    return urlsplit(response.headers["Location"]).path in {resolve_url(settings.LOGIN_URL), resolve_url("admin:login")}


def _to_sign_in(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    is_htmx = "HX-Request" in request.headers
    if request.method != "POST" and not is_htmx:
        return response
    if request.method == "POST" and keep(request):
        messages.info(
            request, _("Your sign-in has ended. What you typed is kept for you: it is there once you sign in.")
        )
    address = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': page_of(request)})}"
    if is_htmx:
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": address})
    return redirect(address)


def _key_of(request: HttpRequest) -> str:
    """What the same form with the same content has in common; none for what is no form of somebody signed in."""
    if request.method != "POST" or request.path.startswith(OF_PROGRAMS) or "HX-Request" in request.headers:
        return ""
    if FORGERY_FIELD not in request.POST:
        return ""
    if not request.user.is_authenticated:
        return ""
    files = [(name, file.name, file.size) for name in request.FILES for file in request.FILES.getlist(name)]
    content = repr((request.user.pk, request.get_full_path(), list(request.POST.lists()), files))
    return f"sent-once/{hashlib.sha256(content.encode()).hexdigest()}"


def _said_before(request: HttpRequest, before: str) -> HttpResponseBase:
    if before == DONE:
        return render(request, "409.html", status=HTTPStatus.CONFLICT)
    messages.info(request, _("This was sent before. It was done once."))
    return redirect(before)


def _was_refused(request: HttpRequest) -> bool:
    """Whether the person is told of an error: what was refused may be tried again."""
    return bool(getattr(messages.get_messages(request), "has_errors", False))
