"""The inbox of a member of staff in the center's workplace, and its bell."""

from http import HTTPStatus

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.staff import staff_member
from apps.core.clock import database_now
from apps.notifications.inbox import bell_of, entries_of, read, unread_of
from apps.notifications.wording import in_words

SHOWN = 100


def urls(site: AdminSite) -> list[URLPattern]:
    """The pages' addresses, for the model admin that takes them in."""

    @require_safe
    def inbox(request: HttpRequest) -> HttpResponse:
        person = staff_member(request)
        entries = [(entry, in_words(entry.notification)) for entry in entries_of(person, None)[:SHOWN]]
        context = {**site.each_context(request), "title": _("Notifications"), "entries": entries}
        context |= {"unread": unread_of(person, None).count(), "shown": SHOWN}
        return TemplateResponse(request, "admin/notifications/inbox.html", context)

    return [
        path("inbox/", site.admin_view(inbox), name="notifications_inbox"),
        path("inbox/read/", site.admin_view(_read_all), name="notifications_read_all"),
        path("inbox/<int:entry_id>/", site.admin_view(_open), name="notifications_open"),
        path("bell/", site.admin_view(_bell), name="notifications_bell"),
    ]


@require_safe
def _bell(request: HttpRequest) -> HttpResponse:
    """204 where it looks as the browser shows it (`seen`)."""
    found = bell_of(staff_member(request), None)
    if request.GET.get("seen") == found.mark:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return TemplateResponse(request, "admin/notifications/bell.html", {"bell": found})


@require_safe
def _open(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Read one: to the page that it is about."""
    found = entries_of(staff_member(request), None)
    entry = get_object_or_404(found, pk=entry_id)
    read(found.filter(pk=entry.pk), now=database_now())
    target = entry.notification.path
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return redirect(target if is_ours else "admin:notifications_inbox")


@require_POST
def _read_all(request: HttpRequest) -> HttpResponse:
    read(unread_of(staff_member(request), None), now=database_now())
    return redirect("admin:notifications_inbox")
