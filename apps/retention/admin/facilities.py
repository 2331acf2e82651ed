"""Facilities as storage periods see them: what they agreed on, and studies assessed again when their law changes."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from apps.core.admin import Table
from apps.facilities.admin import FacilityAdmin
from apps.facilities.models import Facility
from apps.retention.admin.policies import policies_table
from apps.retention.assessment_queue import request_assessment_of_facilities

DECIDES_LAW = frozenset({"kind", "country", "subdivision", "time_zone"})  # the time zone: the day of reception


@admin.register(Facility)
class RetainingFacilityAdmin(FacilityAdmin):
    """The room of facilities knows nothing of storage periods, so this is said here, in the same transaction."""

    actions_detail = (*FacilityAdmin.actions_detail, "agree")  # type: ignore[assignment]

    def save_model(self, request: HttpRequest, obj: Facility, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        if change and not DECIDES_LAW.isdisjoint(form.changed_data):
            request_assessment_of_facilities([obj.pk])

    def tables(self, obj: Facility) -> list[Table]:
        return [*super().tables(obj), policies_table(obj)]

    @action(  # type: ignore[untyped-decorator]
        description=_("Agree on another policy"), icon="handshake", permissions=["retention.add_deletionpolicy"]
    )
    def agree(self, request: HttpRequest, object_id: str) -> HttpResponse:
        facility = self.get_object(request, object_id)
        if facility is None:
            raise PermissionDenied
        return redirect(f"{reverse('admin:retention_deletionpolicy_add')}?facility={facility.pk}")
