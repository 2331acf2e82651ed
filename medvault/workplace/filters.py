"""Saved filters: how a person narrows a list down, kept under a name for that person alone."""

from django.contrib import messages
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.accounts.models import SavedFilter
from apps.accounts.staff import staff_member

LIST = "_changelist"
MOST = 20
LONGEST_NAME, LONGEST_QUERY = 60, 500
_PASSING = (SEARCH_VAR, PAGE_VAR, "all", "e", "_popup")


def saved_filters(request: HttpRequest) -> dict[str, QuerySet[SavedFilter]]:
    """Unfold's GLOBAL_CALLBACK: what the person saved for the list that is looked at, read when the page shows it."""
    match = request.resolver_match
    name = match.url_name if match and match.url_name and match.url_name.endswith(LIST) else ""
    saved = SavedFilter.objects.filter(user_id=request.user.pk or 0, list_name=name or "-")
    return {"saved_filters": saved.order_by("name")}


@require_POST
def save_filter(request: HttpRequest) -> HttpResponse:
    """Keep how the list is narrowed down now. What was searched for is not kept: it names patients."""
    name = " ".join(request.POST.get("name", "").split())[:LONGEST_NAME]
    list_name, query = request.POST.get("list", ""), _lasting(request.POST.get("query", ""))
    address = _address(list_name)
    person = staff_member(request)
    if not name or not query or len(query) > LONGEST_QUERY:
        messages.error(request, _("Narrow the list down by its filters first, and give the filter a name."))
    elif SavedFilter.objects.filter(user=person, list_name=list_name).count() >= MOST:
        messages.error(request, _("There are many filters for this list already: remove one first."))
    else:
        try:
            with transaction.atomic():
                SavedFilter.objects.create(user=person, list_name=list_name, name=name, query=query)
        except IntegrityError:
            SavedFilter.objects.filter(user=person, list_name=list_name, name=name).update(query=query)
        messages.success(request, _("The filter is saved."))
    return redirect(f"{address}?{query}" if query else address)


@require_POST
def remove_filter(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget one of the person's own."""
    saved = SavedFilter.objects.filter(user=staff_member(request), pk=pk).first()
    if saved is None:
        raise Http404
    saved.delete()
    messages.success(request, _("The filter is removed."))
    return redirect(_address(saved.list_name))


def _lasting(query: str) -> str:
    kept = QueryDict(query, mutable=True)
    for name in _PASSING:
        kept.pop(name, None)
    return kept.urlencode()


def _address(list_name: str) -> str:
    if not list_name.endswith(LIST):
        raise Http404
    try:
        return reverse(f"admin:{list_name}")
    except NoReverseMatch:
        raise Http404 from None
