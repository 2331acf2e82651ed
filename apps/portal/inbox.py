"""The inbox of a person at a facility, and the bell that counts what is unread, kept up to date without a reload."""

from http import HTTPStatus
from typing import cast

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from apps.accounts.models import User
from apps.facilities.doors import FacilityRequest, facility_door
from apps.notifications.inbox import bell_of, entries_of, read, unread_of
from apps.notifications.wording import in_words
from apps.portal.numbers import whole_number

PAGE = 25
UNREAD = "unread"


@facility_door()
@require_safe
def inbox(request: FacilityRequest) -> HttpResponse:
    """Newest first; `show=unread` leaves out what was read, `before` is the id of the last one seen."""
    person, facility = cast(User, request.user), request.facility
    only_unread = request.GET.get("show") == UNREAD
    found = unread_of(person, facility.pk) if only_unread else entries_of(person, facility.pk)
    if (before := whole_number(request.GET.get("before", ""))) is not None:
        found = found.filter(pk__lt=before)
    page = list(found[: PAGE + 1])
    context = {
        "entries": [(entry, in_words(entry.notification)) for entry in page[:PAGE]],
        "unread": unread_of(person, facility.pk).count(),
        "show": UNREAD if only_unread else "",
        "before": before,
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
    }
    return render(request, "notifications/inbox.html", context)


@facility_door()
@require_safe
def bell(request: FacilityRequest) -> HttpResponse:
    """The bell, asked for every some seconds; 204 where it looks as the browser shows it (`seen`)."""
    found = bell_of(cast(User, request.user), request.facility.pk)
    if request.GET.get("seen") == found.mark:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    answer = render(request, "notifications/bell.html", {"bell": found})
    return trigger_client_event(answer, "inbox-changed")


@facility_door()
@require_safe
def open_entry(request: FacilityRequest, entry_id: int) -> HttpResponse:
    """Read one: to the page that it is about."""
    found = entries_of(cast(User, request.user), request.facility.pk)
    entry = get_object_or_404(found, pk=entry_id)
    read(found.filter(pk=entry.pk), now=timezone.now())
    path = entry.notification.path
    if not url_has_allowed_host_and_scheme(path, allowed_hosts=None):
        return redirect("portal:inbox", facility_slug=request.facility.slug)
    return redirect(path)


@facility_door()
@require_POST
def read_all(request: FacilityRequest) -> HttpResponse:
    """All of it has been read."""
    read(unread_of(cast(User, request.user), request.facility.pk), now=timezone.now())
    return redirect("portal:inbox", facility_slug=request.facility.slug)
