"""Storage periods of studies: until when, because of what, and what has not been told."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.catalog.admin.of_study import OfStudyAdmin
from apps.catalog.filing import study_lock
from apps.catalog.holds import HoldRefused, place_hold
from apps.catalog.models import Hold, HoldKind
from apps.core.acting import attempt
from apps.core.admin import Table, link_to, list_of, to_page
from apps.core.clock import database_now
from apps.core.locks import lock_names
from apps.core.shown import moment
from apps.retention.admin import ending
from apps.retention.clocks import database_today
from apps.retention.corrections import propose_correction
from apps.retention.ending import ending_within, over, unknown
from apps.retention.explaining import explained, in_words, missing_in_words
from apps.retention.models import Correction, Disposition, Extension, Retention


class EndsFilter(SimpleListFilter):
    """Periods that end soon, have ended, or whose end is unknown."""

    title = _("end")
    parameter_name = "ends"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("unknown", _("unknown")), ("over", _("over")), ("30", _("within 30 days")),
            ("90", _("within 90 days")), ("365", _("within 365 days")),
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Retention]) -> QuerySet[Retention]:
        match self.value():
            case "unknown":
                return queryset & unknown()
            case "over":
                return queryset & over(database_today())
            case ("30" | "90" | "365") as days:
                return queryset & ending_within(int(days), database_today())
        return queryset


class ShorterFilter(SimpleListFilter):
    """Periods that the rules would let end earlier than what is on record: kept all the same, or to be corrected."""

    title = _("by the rules")
    parameter_name = "rules"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("shorter", _("would be shorter"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Retention]) -> QuerySet[Retention]:
        if self.value() != "shorter":
            return queryset
        return queryset.filter(kept_until__isnull=False, computed_until__lt=F("certain_until"))


class HoldForm(BaseDialogForm):  # type: ignore[misc]
    """Why a study is held; a legal hold names the authority."""

    kind = forms.ChoiceField(
        label=_("Kind"), widget=UnfoldAdminRadioSelectWidget,
        choices=[(kind.value, kind.label) for kind in (HoldKind.LEGAL, HoldKind.CLINICAL)],
    )  # fmt: skip
    reason = forms.CharField(label=_("Reason"), max_length=300, widget=UnfoldAdminTextareaWidget({"rows": 3}))
    authority = forms.CharField(
        label=_("Authority, of a legal hold"), max_length=200, required=False, widget=UnfoldAdminTextInputWidget
    )

    def clean(self) -> dict[str, Any]:
        content: dict[str, Any] = super().clean() or self.cleaned_data
        if content.get("kind") == HoldKind.LEGAL and not content.get("authority"):
            self.add_error("authority", _("Which court or authority asks for it, under which number?"))
        return content


class CorrectionForm(BaseDialogForm):  # type: ignore[misc]
    """Until when a study is to be kept instead."""

    until = forms.DateField(label=_("Keep until"), widget=UnfoldAdminDateWidget)
    reason = forms.CharField(
        label=_("Which input was wrong, and how do you know?"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
    )


@admin.register(Retention)
class RetentionAdmin(OfStudyAdmin):
    when_empty = _("Every study has a storage period, known within a minute after it came.")
    records_views = True
    list_display = ("number", "of_study", "facility", "end", "by_the_rules", "untold", "assessed_at")
    list_filter = (("facility", RelatedDropdownFilter), EndsFilter, ShorterFilter)
    search_fields = ("study__study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = ("facility", "of_study", "end", "certain_until", "by_the_rules", "untold", "assessed_at")
    actions_detail = ("place_hold", "propose_correction")

    def get_urls(self) -> list[URLPattern]:
        return [*ending.urls(self.admin_site), *super().get_urls()]

    def offers(self, act: str, obj: Retention) -> bool:
        return act == "place_hold" or _is_shortened_by_rules(obj)

    def tables(self, obj: Retention) -> list[Table]:
        return [_floors(obj), _holds(obj), _corrections(obj), _extensions(obj), _dispositions(obj)]

    @display(description=_("period"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: Retention) -> str:
        return str(obj)

    @display(description=_("kept until"), ordering="kept_until")  # type: ignore[untyped-decorator]
    def end(self, obj: Retention) -> str:
        return in_words(obj.kept_until) if obj.kept_until else str(_("unknown"))

    @display(description=_("by the rules as of now"), ordering="computed_until")  # type: ignore[untyped-decorator]
    def by_the_rules(self, obj: Retention) -> str:
        return in_words(obj.computed_until) if obj.computed_until else "-"

    @display(description=_("not told"))  # type: ignore[untyped-decorator]
    def untold(self, obj: Retention) -> str:
        return "; ".join(missing_in_words(obj.missing)) or "-"

    @action(  # type: ignore[untyped-decorator]
        description=_("Place a hold"),
        icon="lock",
        permissions=["catalog.add_hold"],
        dialog={
            "title": _("Place a hold"),
            "description": _("The study is not deleted while it is held. Name no patient."),
            "form_class": HoldForm,
            "form_submit_text": _("Place the hold"),
        },
    )
    def place_hold(self, request: HttpRequest, form: HoldForm, object_id: str) -> HttpResponse:
        retention = self._retention(request, object_id)
        given, by, actor = form.cleaned_data, staff_member(request), staff_actor(request)

        def place() -> None:
            facts = {"kind": HoldKind(given["kind"]), "reason": given["reason"], "authority": given["authority"]}
            lock_names([study_lock(retention.facility_id, retention.study.study_instance_uid)])
            if Hold.objects.filter(**_of_study(retention), **facts, released_at=None).exists():
                raise HoldRefused(gettext("The study is held for this reason already"))
            place_hold(retention.study, **facts, actor=actor, now=database_now(), by=by)

        attempt(request, place, done=_("The study is held."))
        return to_page(request, retention)

    @action(  # type: ignore[untyped-decorator]
        description=_("Propose a correction"),
        icon="edit_calendar",
        permissions=["retention.add_correction"],
        dialog={
            "title": _("Propose a correction"),
            "description": _(
                "A period that is too long because of a wrong input is shortened to what the rules give now, once "
                "another person approves."
            ),
            "form_class": CorrectionForm,
            "form_submit_text": _("Propose"),
        },
    )
    def propose_correction(self, request: HttpRequest, form: CorrectionForm, object_id: str) -> HttpResponse:
        retention = self._retention(request, object_id)
        given, by, actor = form.cleaned_data, staff_member(request), staff_actor(request)

        def propose() -> None:
            propose_correction(retention.study, until=given["until"], reason=given["reason"], by=by, actor=actor,
                               now=database_now())  # fmt: skip

        attempt(request, propose, done=_("The correction is proposed. Another person decides."))
        return to_page(request, retention)

    def _retention(self, request: HttpRequest, object_id: str) -> Retention:
        retention: Retention | None = self.get_object(request, object_id)
        if retention is None:
            raise PermissionDenied
        return retention


def _is_shortened_by_rules(obj: Retention) -> bool:
    return bool(obj.kept_until and obj.computed_until and obj.computed_until < obj.kept_until)


def _of_study(obj: Retention) -> dict[str, Any]:
    return {"facility_id": obj.facility_id, "study_id": obj.study_id}


def _floors(obj: Retention) -> Table:
    rows = [
        [
            in_words(each.until) if each.until else _("unknown"),
            each.because,
            each.citation or "-",
            each.rule,
            "; ".join(each.missing) or "-",
        ]
        for each in explained(obj)
    ]
    headers = [_("Until"), _("Because"), _("Citation"), _("Rule"), _("Not told")]
    return Table(_("Floors, the governing one first"), headers, rows)


def _holds(obj: Retention) -> Table:
    found = Hold.objects.filter(**_of_study(obj)).order_by("-pk")
    rows = [
        [link_to(each, moment(each.placed_at)), each.get_kind_display(), each.reason,
         each.released_at or _("in force")]
        for each in found
    ]  # fmt: skip
    headers = [_("Placed"), _("Kind"), _("Reason"), _("Released")]
    return Table(_("Holds"), headers, rows, list_of(Hold, study__id__exact=obj.study_id))


def _corrections(obj: Retention) -> Table:
    found = Correction.objects.filter(**_of_study(obj)).order_by("-pk")
    rows = [
        [link_to(each, moment(each.proposed_at)), in_words(each.until), each.reason,
         each.decided_at or _("to be decided")]
        for each in found
    ]  # fmt: skip
    return Table(_("Corrections"), [_("Proposed"), _("Keep until"), _("Reason"), _("Decided")], rows)


def _extensions(obj: Retention) -> Table:
    found = Extension.objects.filter(**_of_study(obj)).order_by("-pk")
    rows = [[link_to(each, moment(each.extended_at)), in_words(each.until), each.reason] for each in found]
    return Table(_("Extensions"), [_("Extended"), _("Until"), _("Reason")], rows)


def _dispositions(obj: Retention) -> Table:
    found = Disposition.objects.filter(**_of_study(obj)).order_by("-pk")
    rows = [[link_to(each, each.get_state_display()), each.created_at, each.problem or "-"] for each in found]
    return Table(_("Dispositions"), [_("State"), _("Expired"), _("Problem")], rows)
