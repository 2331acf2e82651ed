"""The access record: who saw or fetched which images, when and from where. For owners, and on record itself."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from apps.catalog.models import Study
from apps.core.clock import day_of
from apps.core.csv_cells import harmless
from apps.evidence.access import (
    DEVICES,
    PAGE,
    STAFF,
    USUAL_DAYS,
    Cursor,
    Look,
    Wanted,
    cursor_of,
    in_words,
    looks,
    record_reading,
)
from apps.evidence.periods import NoSuchPeriod, check_days
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Facility, Membership, Role
from apps.facilities.tenancy import as_facility
from apps.portal.numbers import whole_number

LINES_AT_ONCE = 2000


class AccessForm(forms.Form):
    """Whose looks, at what, in which days of the facility's calendar."""

    first_on = forms.DateField(
        label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last_on = forms.DateField(
        label=gettext_lazy("To"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    who = forms.ChoiceField(label=gettext_lazy("Who"), required=False)
    study = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)

    def __init__(self, given: dict[str, Any], facility: Facility) -> None:
        today = day_of(timezone.now(), facility.time_zone)
        starts = {"first_on": f"{today - timedelta(days=USUAL_DAYS)}", "last_on": f"{today}"}
        super().__init__(starts | {name: value for name, value in given.items() if value})
        self.facility = facility
        members = Membership.objects.filter(facility=facility).select_related("user").order_by("user__email")
        self.fields["who"].choices = [  # type: ignore[attr-defined]
            ("", _("everybody")),
            (STAFF, _("staff of the center, and who has left")),
            (DEVICES, _("devices, links and programs")),
            *((str(each.user_id), str(each.user)) for each in members),
        ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        try:
            if given.keys() >= {"first_on", "last_on"}:
                check_days(given["first_on"], given["last_on"])
        except NoSuchPeriod as error:
            self.add_error(error.field, error.message)
        return given

    def wanted(self) -> Wanted:
        """What is asked for; only after is_valid()."""
        given = self.cleaned_data
        return Wanted.of_days(self.facility, given["first_on"], given["last_on"], given["who"], given["study"])


@facility_door(role=Role.OWNER)
@require_safe
def access_record(request: FacilityRequest) -> HttpResponse:
    """Newest first; `after` is where the page before it ended."""
    form, after = AccessForm(request.GET.dict(), request.facility), Cursor.parse(request.GET.get("after", ""))
    events = looks(request.facility, form.wanted(), after=after, limit=PAGE + 1) if form.is_valid() else []
    page = events[:PAGE]
    study_id = whole_number(request.GET.get("study", ""))
    query = request.GET.copy()
    query.pop("after", None)
    context = {
        "form": form,
        "looks": in_words(request.facility, page),
        "after": after,
        "older": cursor_of(page[-1]) if len(events) > PAGE else None,
        "query": query.urlencode(),
        "study": Study.objects.filter(facility=request.facility, pk=study_id).first() if study_id else None,
    }
    record_reading(request.facility, "viewed", len(page), actor=request.actor)
    return render(request, "portal/access_record.html", context, status=200 if form.is_valid() else 422)


@facility_door(role=Role.OWNER, own_scope=True)
@require_safe
def access_csv(request: FacilityRequest) -> HttpResponseBase:
    """The whole record of the period as CSV, read while it is sent."""
    with as_facility(request.facility):
        form = AccessForm(request.GET.dict(), request.facility)
        if not form.is_valid():
            return HttpResponse(_("That is no period."), status=422, content_type="text/plain; charset=utf-8")
        record_reading(request.facility, "exported", 0, actor=request.actor)
    lines = _lines(request.facility, form.wanted(), translation.get_language() or "en")
    given = form.cleaned_data
    name = f"{request.facility.slug}-access-{given['first_on']}-{given['last_on']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


class _Echo:
    """What csv.writer writes to: it hands back the line."""

    def write(self, line: str) -> str:
        return line


def _lines(facility: Facility, wanted: Wanted, language: str) -> Iterator[str]:
    writer = csv.writer(_Echo())
    zone = ZoneInfo(facility.time_zone)
    with translation.override(language):
        names = [_("Time"), _("Who"), _("Staff of the center"), _("What"), _("About"), _("Study"), _("Address")]
        yield "\ufeff" + writer.writerow(names)  # spreadsheets tell UTF-8 by it
    after: Cursor | None = None
    while True:
        with as_facility(facility), translation.override(language):
            events = looks(facility, wanted, after=after, limit=LINES_AT_ONCE)
            shown = in_words(facility, events)
        yield from (str(writer.writerow(_cells(each, zone))) for each in shown)
        if len(events) < LINES_AT_ONCE:
            return
        after = cursor_of(events[-1])


def _cells(look: Look, zone: ZoneInfo) -> list[str]:
    cells = [
        look.at.astimezone(zone).isoformat(timespec="seconds"), look.who, "x" if look.is_staff else "", look.what,
        look.about, look.study_id or "", look.source_address,
    ]  # fmt: skip
    return [harmless(cell) for cell in cells]
