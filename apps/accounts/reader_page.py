"""The page on which people say in which language and time zone they read."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from apps.accounts.models import User
from apps.core.clock import time_zones


class ReaderForm(forms.ModelForm):  # type: ignore[type-arg]
    """How a person reads pages and letters; nothing chosen is a choice."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=[("", gettext_lazy("the browser's; in letters the facility's")), *settings.LANGUAGES],
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        choices=lambda: [("", _("the facility's")), *((name, name) for name in time_zones())],
    )

    class Meta:
        model = User
        fields = ("language", "time_zone")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reader_page(request: HttpRequest) -> HttpResponse:
    """Language and time zone of who is signed in; POST changes them."""
    person = cast(User, request.user)
    if request.method != "POST":
        return _page(request, ReaderForm(instance=person))
    form = ReaderForm(request.POST, instance=person)
    if not form.is_valid():
        return _page(request, form, status=422)
    form.save()
    with translation.override(person.language or translation.get_language()):
        messages.success(request, _("Language and time zone are saved."))
    return redirect("language")


def _page(request: HttpRequest, form: ReaderForm, **options: Any) -> HttpResponse:
    return render(request, "account/language.html", {"form": form}, **options)
