"""Care events of many patients at once, as a file; what it would add is shown before anything is noted."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import User
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.portal.looks import list_patients
from apps.retention.care_event_csv import MOST_BYTES, UnreadableList, decode, read_lines, refused_lines
from apps.retention.care_event_lists import EVENTS, Checked, Line, check_list, report_list

SHOWN = 100  # lines of each sort


class ListForm(forms.Form):
    """A file, or the text of the one that was shown before."""

    file = forms.FileField(label=gettext_lazy("CSV file"), required=False)
    text = forms.CharField(required=False, strip=False, max_length=MOST_BYTES, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """`lines` of the list and its `text`."""
        given = super().clean() or {}
        try:
            file = given.get("file")
            text = decode(file.read(MOST_BYTES + 1)) if file else given.get("text", "")
            return {"text": text, "lines": read_lines(text)}
        except UnreadableList as error:
            self.add_error("file", error.message)
            return given


@facility_door()
@require_safe
def care_event_list(request: FacilityRequest) -> HttpResponse:
    """What such a file looks like, and a form for it."""
    return _page(request, ListForm())


@facility_door(role=Role.MEMBER)
@require_POST
def note(request: FacilityRequest) -> HttpResponse:
    """First what the file would add, line by line; posted again from there, it is noted, or what is refused is given
    back as a file.
    """
    form = ListForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    lines: list[Line] = form.cleaned_data["lines"]
    if "confirmed" in request.POST:
        assert isinstance(request.user, User)
        given: dict[str, Any] = {"actor": request.actor, "now": timezone.now(), "by": request.user}
        _tell(request, report_list(request.facility, lines, **given))
        return redirect("portal:expiring", facility_slug=request.facility.slug)
    checked = check_list(request.facility, lines, now=timezone.now())
    if "refused" in request.POST:
        headers = {"Content-Disposition": 'attachment; filename="refused.csv"'}
        return HttpResponse(refused_lines(checked), content_type="text/csv; charset=utf-8", headers=headers)
    list_patients(request, len({each.patient for each in checked if each.patient}))
    return _page(request, form, text=form.cleaned_data["text"], **_sorted(checked))


def _sorted(checked: list[Checked]) -> dict[str, Any]:
    new = [each for each in checked if each.is_new]
    refused = [each for each in checked if each.refusal]
    return {
        "is_preview": True,
        "new": new[:SHOWN],
        "new_count": len(new),
        "refused": refused[:SHOWN],
        "refused_count": len(refused),
        "known_count": len(checked) - len(new) - len(refused),
    }


def _tell(request: FacilityRequest, reported: list[Checked]) -> None:
    count = sum(each.is_new for each in reported)
    if count:
        text = ngettext("Noted %(count)d event.", "Noted %(count)d events.", count) % {"count": count}
        messages.success(request, f"{text} {_('The storage periods follow within a minute.')}")
    else:
        messages.info(request, _("Nothing was new."))
    if refused := sum(each.refusal is not None for each in reported):
        text = ngettext("%(count)d line was not noted.", "%(count)d lines were not noted.", refused)
        messages.warning(request, text % {"count": refused})


def _page(request: FacilityRequest, form: ListForm, *, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, "portal/care_event_list.html", {"form": form, "events": EVENTS, **context}, status=status)
