"""What staff decide about quarantined files, in dialogs of the file's page."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.collection.models import Basis, QuarantineDecision, ReceivedFile
from apps.collection.quarantine import undecided
from apps.core.admin import Table, link_to, minute
from apps.facilities.admin import AuditedTenantAdmin

MAY = "collection.add_quarantinedecision"
QUARANTINE_DIALOG: dict[str, Any] = {
    "description": _("Its bytes stay stored as they were received. Your name and reason are recorded; the facility "
                     "reads them."),
}  # fmt: skip


class AgainForm(BaseDialogForm):  # type: ignore[misc]
    """Why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=300, widget=UnfoldAdminTextInputWidget, help_text=_("The facility reads it.")
    )


class ByHandForm(AgainForm):
    """Under which study, and how one knows."""

    study_instance_uid = forms.CharField(
        label=_("Study Instance UID"), max_length=64, widget=UnfoldAdminTextInputWidget,
        help_text=_("Of a study of the same facility. The file is kept with it, goes with it, and is never shown."),
    )  # fmt: skip
    field_order = ("study_instance_uid", "reason")


class AsideForm(AgainForm):
    """On what basis, and why."""

    basis = forms.ChoiceField(label=_("Basis"), choices=Basis, widget=UnfoldAdminSelectWidget)
    field_order = ("basis", "reason")


class UndecidedFilter(SimpleListFilter):
    """Whether somebody has decided on a quarantined file."""

    title = _("decided on")
    parameter_name = "decided"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("no")), ("yes", _("yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ReceivedFile]) -> QuerySet[ReceivedFile]:
        if self.value() == "no":
            return queryset.filter(pk__in=undecided().values("pk"))
        if self.value() == "yes":
            return queryset.filter(pk__in=QuarantineDecision.objects.values("file_number"))
        return queryset


@admin.register(QuarantineDecision)
class QuarantineDecisionAdmin(AuditedTenantAdmin):
    when_empty = _("What staff decide about files in quarantine appears here.")
    linked_by = ("collection",)
    list_display = ("decided_at", "facility", "file_number", "act", "basis", "reason", "decider")
    list_select_related = ("facility", "decided_by", "filed_by__reception_record")
    list_filter = (("facility", RelatedDropdownFilter), "act", "basis")
    fields = ("facility", "collection", "file_number", "act", "basis", "reason", "filed_by", "decided_at", "decider")

    @display(description=_("decided by"))  # type: ignore[untyped-decorator]
    def decider(self, obj: QuarantineDecision) -> str:
        return obj.decider


def decisions_of(file: ReceivedFile) -> list[Table]:
    """What was decided on the file, for its page."""
    found = QuarantineDecision.objects.filter(facility_id=file.facility_id, file_number=file.pk)
    rows = [
        [link_to(each, each.get_act_display()), each.get_basis_display() or "-", each.reason or "-", each.decider,
         minute(each.decided_at), link_to(each.filed_by) if each.filed_by else "-"]
        for each in found.select_related("decided_by", "filed_by__reception_record")
    ]  # fmt: skip
    headers = [_("Decision"), _("Basis"), _("Reason"), _("By"), _("Decided"), _("Filed by")]
    return [Table(_("Decision"), headers, rows)] if rows else []
