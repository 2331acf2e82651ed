"""What staff decide about quarantined files, in dialogs of the file's page."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.accounts.staff import staff_member
from apps.audit.admin import AuditedAdmin
from apps.collection.models import Outcome, QuarantineDecision, ReceivedFile
from apps.collection.quarantine import file_by_hand, read_again, undecided
from apps.core.admin import Table, link_to, minute
from apps.core.clock import database_now
from apps.core.shown import day
from apps.facilities.admin import AuditedTenantAdmin

MAY = "collection.add_quarantinedecision"
RECORDED = _("Its bytes stay stored as they were received. Your name and reason are recorded; the facility reads them.")


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


def asks(label: Any, question: Any, *, icon: str, form: type[AgainForm]) -> Any:
    """An act on a file in quarantine, which a dialog asks about."""
    dialog = {"title": question, "description": RECORDED, "form_class": form, "form_submit_text": label}
    return action(description=label, icon=icon, permissions=[MAY], dialog=dialog)


class QuarantineActs(AuditedAdmin):
    """For the admin of received files: ACTS among its `actions_detail`."""

    ACTS = ("read_again", "file_by_hand")

    @asks(_("Read again"), _("Read this file again?"), icon="autorenew", form=AgainForm)  # type: ignore[untyped-decorator]
    def read_again(self, request: HttpRequest, form: AgainForm, object_id: str) -> HttpResponse:
        return self.decide(request, form, object_id, read_again, done=_("The file could be read, and is filed now."))

    @asks(  # type: ignore[untyped-decorator]
        _("File by hand"), _("File this file under a study?"), icon="drive_file_move", form=ByHandForm
    )
    def file_by_hand(self, request: HttpRequest, form: ByHandForm, object_id: str) -> HttpResponse:
        act = partial(file_by_hand, study_instance_uid=form.cleaned_data["study_instance_uid"].strip())
        done = _("The file is filed under the study, and has its storage period.")
        return self.decide(request, form, object_id, act, done=done)

    def decide(
        self, request: HttpRequest, form: AgainForm, object_id: str, act: Callable[..., object], *, done: Any
    ) -> HttpResponse:
        """Do it to the file as the person who is signed in, for the reason that the dialog was given."""
        given = {"reason": form.cleaned_data["reason"], "by": staff_member(request)}
        return self.act_on(request, object_id, partial(act, **given), done=done)


class UndecidedFilter(SimpleListFilter):
    """Whether somebody has decided on a quarantined file."""

    title = _("decided on")
    parameter_name = "decided"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("no")), ("yes", _("yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ReceivedFile]) -> QuerySet[ReceivedFile]:
        if self.value() not in {"yes", "no"}:
            return queryset
        waiting = Q(pk__in=undecided(as_of=database_now().date()).values("pk"))
        return (
            queryset.filter(waiting) if self.value() == "no" else queryset.filter(~waiting, outcome=Outcome.QUARANTINED)
        )


@admin.register(QuarantineDecision)
class QuarantineDecisionAdmin(AuditedTenantAdmin):
    when_empty = _("What staff decide about files in quarantine appears here.")
    linked_by = ("collection",)
    list_display = ("decided_at", "facility", "file_number", "act", "basis", "reason", "review_on", "decider")
    list_select_related = ("facility", "decided_by", "filed_by__reception_record")
    list_filter = (("facility", RelatedDropdownFilter), "act", "basis")
    fields = (
        "facility", "collection", "file_number", "act", "basis", "reason", "review_on", "filed_by", "decided_at",
        "decider",
    )  # fmt: skip

    @display(description=_("decided by"))  # type: ignore[untyped-decorator]
    def decider(self, obj: QuarantineDecision) -> str:
        return obj.decider


def decisions_of(file: ReceivedFile) -> list[Table]:
    """What was decided on the file, for its page."""
    found = QuarantineDecision.objects.filter(facility_id=file.facility_id, file_number=file.pk)
    rows = [
        [link_to(each, each.get_act_display()), each.get_basis_display() or "-", each.reason or "-", each.decider,
         minute(each.decided_at), link_to(each.filed_by) if each.filed_by else "-",
         day(each.review_on) if each.review_on and each.comes_up_again else "-"]
        for each in found.select_related("decided_by", "filed_by__reception_record").order_by("round")
    ]  # fmt: skip
    headers = [_("Decision"), _("Basis"), _("Reason"), _("By"), _("Decided"), _("Filed by"), _("Again on")]
    return [Table(_("Decision"), headers, rows)] if rows else []
