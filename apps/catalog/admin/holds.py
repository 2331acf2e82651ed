"""Holds, and their release: a legal one by two people."""

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
from apps.catalog.holds import ask_release, release_hold
from apps.catalog.models import Hold, HoldKind
from apps.core.acting import attempt
from apps.core.admin import HappenedFilter, to_page
from apps.core.clock import database_now


class ReleasedFilter(HappenedFilter):
    title = _("released")
    parameter_name = "released"
    field = "released_at"


@admin.register(Hold)
class HoldAdmin(OfStudyAdmin):
    """Placed from the page of a study's storage period. What the facility or an order holds is theirs to release."""

    when_empty = _("A hold keeps a study without a date. It is placed at the study's storage period.")
    list_display = ("placed_at", "kind", "facility", "of_study", "authority", "release_asked_at", "released_at")
    list_filter = (("facility", RelatedDropdownFilter), "kind", ReleasedFilter)
    search_fields = ("study__study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = (
        "facility",
        "of_study",
        "kind",
        "reason",
        "authority",
        ("placed_at", "placed_by"),
        ("release_asked_at", "release_asked_by"),
        ("released_at", "released_by"),
    )
    actions_detail = ("ask_release", "release")

    def offers(self, act: str, obj: Hold) -> bool:
        is_legal = obj.kind == HoldKind.LEGAL
        if obj.released_at or not (is_legal or obj.kind == HoldKind.CLINICAL):
            return False
        is_asked_for = obj.release_asked_by_id is not None
        return is_legal and not is_asked_for if act == "ask_release" else is_asked_for or not is_legal

    @action(  # type: ignore[untyped-decorator]
        description=_("Ask for the release"),
        icon="lock_clock",
        permissions=["catalog.change_hold"],
        dialog={
            "title": _("Ask for the release of this hold?"),
            "description": _("A legal hold ends when another person releases it."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Ask for the release"),
        },
    )
    def ask_release(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        hold = self._staffs(request, object_id)
        by, actor, now = staff_member(request), staff_actor(request), database_now()
        attempt(request, lambda: ask_release(hold, by=by, actor=actor, now=now), done=_("The release is asked for."))
        return to_page(request, hold)

    @action(  # type: ignore[untyped-decorator]
        description=_("Release"),
        icon="lock_open",
        permissions=["catalog.change_hold"],
        dialog={
            "title": _("Release this hold?"),
            "description": _("The study ends as its storage period says. Your name and the time are recorded."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Release"),
        },
    )
    def release(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        hold = self._staffs(request, object_id)
        by, actor, now = staff_member(request), staff_actor(request), database_now()
        attempt(request, lambda: release_hold(hold, by=by, actor=actor, now=now), done=_("The hold is released."))
        return to_page(request, hold)

    def _staffs(self, request: HttpRequest, object_id: str) -> Hold:
        """A hold that staff may end."""
        hold: Hold | None = self.get_object(request, object_id)
        if hold is None or hold.kind not in {HoldKind.LEGAL, HoldKind.CLINICAL}:
            raise PermissionDenied
        return hold
