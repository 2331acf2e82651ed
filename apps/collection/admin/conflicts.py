"""Conflicts: both files beside each other, how each came in, and what staff hold to be so."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.catalog.admin.of_study import OfStudyAdmin, study_in_words
from apps.catalog.comparing import compare
from apps.catalog.conflicts import resolve_conflict
from apps.catalog.image_access import access_of, record_look
from apps.catalog.models import Conflict, ConflictDecision, ConflictKind, Instance
from apps.collection.models import ReceivedFile
from apps.core.acting import attempt
from apps.core.admin import HappenedFilter, Table, link_to, page_of, to_page
from apps.core.clock import database_now

MAY = "catalog.change_conflict"


class ResolvedFilter(HappenedFilter):
    title = _("resolved")
    parameter_name = "resolved"
    field = "resolved_at"


class DecisionForm(forms.Form):
    """What staff hold to be so."""

    decision = forms.ChoiceField(label=_("Decision"), choices=ConflictDecision, widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("Reason"), max_length=300, required=False, help_text=_("The facility reads it."),
        widget=UnfoldAdminTextInputWidget,
    )  # fmt: skip


class DecisionDialog(BaseDialogForm):  # type: ignore[misc]
    """The same in a dialog."""

    decision = forms.ChoiceField(label=_("Decision"), choices=ConflictDecision, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        label=_("Reason"), max_length=300, required=False, help_text=_("The facility reads it."),
        widget=UnfoldAdminTextInputWidget,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two files, and how it came in."""

    title: Any
    stored: Instance | Conflict
    picture: str
    receptions: list[ReceivedFile]

    @property
    def sha256(self) -> str:
        return bytes(self.stored.sha256).hex()


@admin.register(Conflict)
class ConflictAdmin(OfStudyAdmin):
    """Registered here and not in catalog: how the files came in is known in this room."""

    when_empty = _("A file that contradicts what is stored appears here, to be compared and decided.")
    list_display = ("number", "kind", "of_study", "facility", "raised_at", "decision", "resolved_at")
    list_filter = (("facility", RelatedDropdownFilter), "kind", ResolvedFilter)
    search_fields = ("sop_instance_uid__exact",)
    search_help_text = _("SOP Instance UID")
    fields = (
        "facility",
        "kind",
        "of_study",
        "sop_instance_uid",
        "pack",
        ("pack_offset", "length"),
        "digest",
        "raised_at",
        ("decision", "reason"),
        ("resolved_at", "resolved_by"),
    )
    actions_detail = ("compare", "resolve")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.compare_page)
        ours = path("<int:conflict_id>/side_by_side/", view, name="catalog_conflict_side_by_side")
        return [ours, *super().get_urls()]

    @display(description=_("conflict"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: Conflict) -> str:
        return f"#{obj.pk}"

    def offers(self, act: str, obj: Conflict) -> bool:
        if obj.kind == ConflictKind.UNREADABLE:
            return False  # it contradicts nothing, and there is nothing to see
        return act == "compare" or obj.resolved_at is None

    def tables(self, obj: Conflict) -> list[Table]:
        rows = [
            [
                link_to(row, f"#{row.pk}"),
                link_to(row.series.study, study_in_words(row.series.study)),
                filesizeformat(row.length_bytes),
            ]
            for row in _stored_as(obj)
        ]
        headers = [_("Instance"), _("Study"), _("Length")]
        return [Table(_("Stored under the same SOP Instance UID"), headers, rows)]

    @action(description=_("Compare"), icon="compare", permissions=["view"])  # type: ignore[untyped-decorator]
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:catalog_conflict_side_by_side", self.found(request, object_id).pk)

    @action(  # type: ignore[untyped-decorator]
        description=_("Mark as resolved"),
        icon="check",
        permissions=[MAY],
        dialog={
            "title": _("Mark this conflict as resolved?"),
            "description": _("Both files stay stored. Your name, the time and your decision are recorded."),
            "form_class": DecisionDialog,
            "form_submit_text": _("Mark as resolved"),
        },
    )
    def resolve(self, request: HttpRequest, form: DecisionDialog, object_id: str) -> HttpResponse:
        conflict: Conflict = self.found(request, object_id)
        self._decide(request, conflict, form)
        return to_page(request, conflict)

    def compare_page(self, request: HttpRequest, conflict_id: int) -> HttpResponse:
        """Both files beside each other; a decision is posted here."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        conflict: Conflict = self.found(request, str(conflict_id))
        if conflict.kind == ConflictKind.UNREADABLE:
            raise Http404
        form = DecisionForm(request.POST or None)
        if request.method == "POST":
            if not request.user.has_perm(MAY):
                raise PermissionDenied
            if form.is_valid():
                self._decide(request, conflict, form)
                return redirect(_next_open(conflict) or page_of(conflict))
        other = _counterpart(conflict)
        access = access_of(conflict.study, person=staff_member(request), now=database_now())
        self.record_act(request, "viewed", conflict)
        if access:
            record_look(access, conflict.study, actor=staff_actor(request), images=2)
        context = self.admin_site.each_context(request) | {
            "title": _("Conflict %(number)d") % {"number": conflict.pk},
            "opts": self.opts,
            "conflict": conflict,
            "sides": _sides(conflict, other),
            "is_same_uid": other is not None and other.sop_instance_uid == conflict.sop_instance_uid,
            "comparison": compare(other, conflict) if other else None,
            "access": access,
            "form": form if conflict.resolved_at is None and request.user.has_perm(MAY) else None,
        }
        return TemplateResponse(request, "admin/collection/compare.html", context)

    def _decide(self, request: HttpRequest, conflict: Conflict, form: forms.Form) -> None:
        decision, reason = ConflictDecision(form.cleaned_data["decision"]), form.cleaned_data["reason"]
        by, actor, now = staff_member(request), staff_actor(request), database_now()
        attempt(
            request,
            lambda: resolve_conflict(conflict, decision=decision, reason=reason, by=by, actor=actor, now=now),
            done=_("The conflict is resolved."),
        )


def _stored_as(conflict: Conflict) -> Any:
    stored = Instance.objects.filter(facility_id=conflict.facility_id, sop_instance_uid=conflict.sop_instance_uid)
    return stored.select_related("series__study", "pack")


def _counterpart(conflict: Conflict) -> Instance | None:
    """What the file contradicts: the image of the same UID, or where there is none, one of the study."""
    if same := _stored_as(conflict).first():
        return same  # type: ignore[no-any-return]
    of_study = Instance.objects.filter(facility_id=conflict.facility_id, series__study=conflict.study)
    return of_study.select_related("series__study", "pack").order_by("pk").first()


def _sides(conflict: Conflict, other: Instance | None) -> list[Side]:
    received = ReceivedFile.objects.filter(facility_id=conflict.facility_id).select_related(
        "collection__reception_record__user", "collection__reception_record__device_token"
    )
    sides = []
    if other:
        stored = received.filter(instance=other, outcome__in=["stored", "duplicate"])
        sides.append(Side(_("Stored"), other, f"images/{other.pk}", list(stored.order_by("pk")[:3])))
    came = received.filter(conflict=conflict).order_by("pk")[:3]
    sides.append(Side(_("In conflict"), conflict, f"conflicts/{conflict.pk}", list(came)))
    return sides


def _next_open(conflict: Conflict) -> str:
    """The page of the oldest conflict that is still open; '' where there is none."""
    following = Conflict.objects.filter(resolved_at=None).exclude(pk=conflict.pk).order_by("pk").first()
    return reverse("admin:catalog_conflict_side_by_side", args=[following.pk]) if following else ""
