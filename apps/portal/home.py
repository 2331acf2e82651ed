"""Where a person starts: their facility, or the choice among several."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.accounts.models import User
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The only facility at once; staff without one to the admin; else a choice."""
    facilities = facilities_of(request.user)
    if len(facilities) == 1:
        return redirect("portal:dashboard", facility_slug=facilities[0].slug)
    if not facilities and request.user.is_staff:
        return redirect("admin:index")
    return render(request, "portal/home.html", {"facilities": facilities})


def facilities_of(user: User | AnonymousUser) -> list[Facility]:
    """The facilities a person belongs to, by name."""
    with as_center():
        return list(Facility.objects.filter(membership__user_id=user.pk or 0).order_by("name"))
