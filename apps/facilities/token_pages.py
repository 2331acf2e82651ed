"""The page of a facility's device tokens, for its owners."""

from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import DeviceToken, Role, Scope
from apps.facilities.tokens import issue_token, revoke_token


class TokenForm(forms.Form):
    """A new token: what it is for, what it may do, and for how long."""

    label = forms.CharField(
        label=gettext_lazy("Label"), max_length=100, help_text=gettext_lazy("The device and the room it stands in.")
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"),
        choices=Scope,
        initial=[Scope.STORE],
        widget=forms.CheckboxSelectMultiple,
    )
    valid_days = forms.TypedChoiceField(
        label=gettext_lazy("Valid for"),
        coerce=int,
        initial=365,
        choices=[
            (30, gettext_lazy("30 days")),
            (90, gettext_lazy("90 days")),
            (365, gettext_lazy("a year")),
            (0, gettext_lazy("until it is revoked")),
        ],
    )


@facility_door(role=Role.OWNER)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: FacilityRequest) -> HttpResponse:
    """The tokens; POST issues one, whose secret is in that answer and nowhere else."""
    if request.method != "POST":
        return _page(request, TokenForm())
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    days = form.cleaned_data["valid_days"]
    issued, secret = issue_token(
        request.facility,
        label=form.cleaned_data["label"],
        scopes=[Scope(scope) for scope in form.cleaned_data["scopes"]],
        actor=request.actor,
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    return _page(request, TokenForm(), issued=issued, secret=secret, status=201)


@facility_door(role=Role.OWNER)
@require_POST
def revoke(request: FacilityRequest, token_id: int) -> HttpResponse:
    """End a token at once."""
    token = get_object_or_404(DeviceToken, facility=request.facility, pk=token_id)
    revoke_token(token, actor=request.actor)
    messages.success(request, _("The token is revoked. Devices that use it are refused from now on."))
    return redirect("facilities:tokens", facility_slug=request.facility.slug)


def _page(
    request: FacilityRequest, form: TokenForm, *, issued: DeviceToken | None = None, secret: str = "", status: int = 200
) -> HttpResponse:
    found = DeviceToken.objects.filter(facility=request.facility).order_by("-created_at", "-pk")
    context = {
        "tokens": [(token, [Scope(scope).label for scope in token.scopes]) for token in found],
        "form": form,
        "issued": issued,
        "secret": secret,
        "stow_url": settings.PUBLIC_URL + reverse("dicomweb:studies", kwargs={"facility_slug": request.facility.slug}),
        "can_store": issued is not None and Scope.STORE in issued.scopes,
    }
    return render(request, "facilities/tokens.html", context, status=status)
