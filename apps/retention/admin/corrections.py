"""Corrections of storage periods: proposed by one member of staff, decided by another."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.catalog.admin.of_study import OfStudyAdmin
from apps.core.acting import attempt
from apps.core.admin import HappenedFilter, Table, link_to, to_page
from apps.retention.corrections import decide_correction
from apps.retention.explaining import in_words
from apps.retention.models import Correction, Retention


class DecidedFilter(HappenedFilter):
    title = _("decided")
    parameter_name = "decided"
    field = "decided_at"


@admin.register(Correction)
class CorrectionAdmin(OfStudyAdmin):
    when_empty = _("A correction is proposed at a storage period that is too long, and decided by another person.")
    list_display = ("proposed_at", "facility", "of_study", "until", "proposed_by", "decided_at", "decided_by",
                    "is_approved")  # fmt: skip
    list_select_related = ("facility", "study", "proposed_by", "decided_by")
    list_filter = (("facility", RelatedDropdownFilter), DecidedFilter)
    # PostgreSQL puts NULL first here: those that are to be decided.
    ordering: ClassVar[Sequence[str]] = ["-decided_at", "-pk"]
    fields = (
        "facility", "of_study", "until", "reason", ("proposed_at", "proposed_by"), ("decided_at", "decided_by"),
        "is_approved",
    )  # fmt: skip
    actions_detail = ("approve", "refuse")

    def can_act_on(self, obj: Correction) -> bool:
        return obj.decided_at is None

    def tables(self, obj: Correction) -> list[Table]:
        found = Retention.objects.filter(facility_id=obj.facility_id, study_id=obj.study_id)
        rows = [
            [
                link_to(each, in_words(each.kept_until) if each.kept_until else _("unknown")),
                in_words(each.computed_until) if each.computed_until else "-",
            ]
            for each in found
        ]
        return [Table(_("Storage period now"), [_("Kept until"), _("By the rules as of now")], rows)]

    @action(  # type: ignore[untyped-decorator]
        description=_("Approve"),
        icon="check",
        permissions=["retention.change_correction"],
        dialog={
            "title": _("Approve this correction?"),
            "description": _("The study may be deleted from the earlier day on. Your name and the time are recorded."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Approve"),
        },
    )
    def approve(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, approves=True, done=_("The storage period is corrected."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Refuse"),
        icon="close",
        permissions=["retention.change_correction"],
        dialog={
            "title": _("Refuse this correction?"),
            "description": _("The storage period stays as it is. Your name and the time are recorded."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Refuse"),
        },
    )
    def refuse(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._decide(request, object_id, approves=False, done=_("The correction is refused."))

    def _decide(self, request: HttpRequest, object_id: str, *, approves: bool, done: Any) -> HttpResponse:
        correction: Correction | None = self.get_object(request, object_id)
        if correction is None:
            raise PermissionDenied
        by, actor = staff_member(request), staff_actor(request)
        attempt(request, lambda: decide_correction(correction, approves=approves, by=by, actor=actor), done=done)
        return to_page(request, correction)
