"""Acts of the center's staff in their workplace, each on record; and the background work that failed."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.audit.failures import repeat, settle
from apps.audit.models import Event, FailedTask
from apps.audit.record import Actor, record
from apps.core.acting import attempt
from apps.core.admin import HappenedFilter, ReadOnlyAdmin, list_of, to_page
from apps.core.clock import database_now


def staff_actor(request: HttpRequest) -> Actor:
    """Who is signed in, and from where."""
    return Actor("user", str(request.user.pk), request.META.get("REMOTE_ADDR") or None)


class AuditedAdmin(ReadOnlyAdmin):
    """Adding and changing leave an audit event instead of Django's log; so does looking, where `records_views`."""

    records_views: ClassVar[bool] = False

    @property
    def object_type(self) -> str:
        """What audit events call the model: `device_token`."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.model.__name__).lower()

    def record_act(self, request: HttpRequest, verb: str, obj: Model, **details: Any) -> None:
        """Record that staff did `verb` to `obj`; `details` hold no patient data."""
        record(
            f"{self.object_type}.{verb}",
            actor=staff_actor(request),
            object_type=self.object_type,
            object_id=obj.pk,
            facility_id=self.facility_id_of(obj),
            **details,
        )

    def act_on(self, request: HttpRequest, object_id: str, act: Callable[..., object], *, done: Any) -> HttpResponse:
        """Do it to the object as whoever is signed in, and say on its page how it went."""
        obj = self.found(request, object_id)
        attempt(request, partial(act, obj, actor=staff_actor(request), now=database_now()), done=done)
        return to_page(request, obj)

    def facility_id_of(self, obj: Any) -> int | None:
        """The facility that the act concerns, if any."""
        return getattr(obj, "facility_id", None)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lists of what is on record when looked at are on record too."""
        response: HttpResponse = super().changelist_view(request, extra_context)
        if self.records_views and (rows := getattr(response, "context_data", {}).get("cl")):
            record(
                f"{self.object_type}.listed",
                actor=staff_actor(request),
                object_type=self.object_type,
                object_id="",
                facility_id=None,
                count=len(rows.result_list),
            )
        return response

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        self.record_act(request, "changed" if change else "created", obj, fields=sorted(form.changed_data))

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Django's log is not kept: the audit trail is."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Django's log is not kept: the audit trail is."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect(list_of(Event, object_type=self.object_type, object_id=object_id))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        context["show_history"] = request.user.has_perm("audit.view_event")
        if obj is not None and self.records_views and request.method == "GET":
            self.record_act(request, "viewed", obj)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)


class FailureResolvedFilter(HappenedFilter):
    title = _("resolved")
    parameter_name = "resolved"
    field = "resolved_at"


@admin.register(FailedTask)
class FailedTaskAdmin(AuditedAdmin):
    """What background work failed of. Repeating is safe: what is done already is not done again."""

    when_empty = _("All background work succeeds.")
    list_display = ("name", "error", "place", "times", "first_failed_at", "last_failed_at", "retried_at", "resolved_at")
    list_filter = (FailureResolvedFilter,)
    ordering = ("-last_failed_at", "-pk")
    fields = (
        "task", "told_arguments", "error", "message", "place", "times", ("first_failed_at", "last_failed_at"),
        "request_id", "retried_at", "resolved_at",
    )  # fmt: skip
    actions_detail = ("repeat", "settle")

    @display(description=_("task"), ordering="task")  # type: ignore[untyped-decorator]
    def name(self, obj: FailedTask) -> str:
        return obj.name

    @display(description=_("arguments"))  # type: ignore[untyped-decorator]
    def told_arguments(self, obj: FailedTask) -> str:
        if not obj.is_repeatable:
            return str(_("not kept"))
        named = [f"{name}={value}" for name, value in obj.arguments["kwargs"].items()]
        return ", ".join([*map(str, obj.arguments["args"]), *named]) or "-"

    def offers(self, act: str, obj: FailedTask) -> bool:
        return obj.resolved_at is None and (obj.is_repeatable or act != "repeat")

    @action(  # type: ignore[untyped-decorator]
        description=_("Do it again"),
        icon="replay",
        permissions=["audit.change_failedtask"],
        dialog={
            "title": _("Have a worker do it again?"),
            "description": _("What was done already is not done again. The row is resolved when it succeeds."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Do it again"),
        },
    )
    def repeat(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, repeat, done=_("A worker does it again."))

    @action(  # type: ignore[untyped-decorator]
        description=_("It is settled"),
        icon="done",
        permissions=["audit.change_failedtask"],
        dialog={
            "title": _("Is it settled?"),
            "description": _("It waits for nobody any more. What fails again is told again."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("It is settled"),
        },
    )
    def settle(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, settle, done=_("It waits for nobody any more."))
