"""The page on which people choose what they are told, how, and when."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from apps.accounts.models import User
from apps.notifications.kinds import GROUPS, Kind
from apps.notifications.models import ReadingHours
from apps.notifications.preferences import Chosen, choose, choose_hours, chosen_by, hours_of

INBOX, EMAIL = "inbox", "email"


class HoursForm(forms.ModelForm):  # type: ignore[type-arg]
    """When e-mail may come."""

    class Meta:
        model = ReadingHours
        fields = ("digest_at", "quiet_from", "quiet_until")
        widgets = {name: forms.TimeInput(attrs={"type": "time"}, format="%H:%M") for name in fields}
        help_texts = {
            "digest_at": gettext_lazy("Everything that is not urgent in one letter. Empty: each when it happens."),
            "quiet_from": gettext_lazy("From then on only what is urgent comes."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (cleaned.get("quiet_from") is None) != (cleaned.get("quiet_until") is None):
            raise forms.ValidationError(_("Quiet hours need both a beginning and an end."))
        return cleaned


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preference_page(request: HttpRequest) -> HttpResponse:
    """What reaches who is signed in; POST changes it."""
    person = cast(User, request.user)
    chosen, hours = chosen_by(person), hours_of(person)
    if request.method != "POST":
        return _page(request, chosen, HoursForm(instance=hours))
    form = HoursForm(request.POST, instance=hours)
    if not form.is_valid():
        return _page(request, chosen, form, status=422)
    with transaction.atomic():
        choose_hours(person, **form.cleaned_data)
        choose(person, {each.kind: _posted(request, each.kind) for each in chosen})
    messages.success(request, _("It is saved what you are told, and when."))
    return redirect("notification_preferences")


def _posted(request: HttpRequest, kind: Kind) -> tuple[bool, bool]:
    return f"{INBOX}-{kind.value}" in request.POST, f"{EMAIL}-{kind.value}" in request.POST


def _page(request: HttpRequest, chosen: list[Chosen], form: HoursForm, **options: Any) -> HttpResponse:
    groups = [
        (title, [each for each in chosen if each.kind.value.startswith(f"{group}.")]) for group, title in GROUPS.items()
    ]
    context = {"groups": [(title, found) for title, found in groups if found], "form": form}
    return render(request, "notifications/preferences.html", context, **options)
