"""Acts of the center's staff in their workplace, each on record."""

import re
from typing import Any, ClassVar

from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.audit.models import Event
from apps.audit.record import Actor, record
from apps.core.admin import ReadOnlyAdmin, list_of


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
