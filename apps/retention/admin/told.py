"""What facilities said: events of care, and studies kept longer. Append-only, to be read."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter

from apps.facilities.admin import AuditedTenantAdmin
from apps.retention.models import CareEvent, Extension


@admin.register(CareEvent)
class CareEventAdmin(AuditedTenantAdmin):
    records_views = True
    linked_by = ("patient",)
    list_display = ("reported_at", "kind", "happened_on", "facility", "patient")
    list_select_related = ("facility", "patient")
    list_filter = (("facility", RelatedDropdownFilter), "kind")
    search_fields = ("patient__patient_id__exact",)
    search_help_text = _("Patient ID")
    fields = ("facility", "patient", "kind", "happened_on", ("reported_at", "reported_by", "device_token"))


@admin.register(Extension)
class ExtensionAdmin(AuditedTenantAdmin):
    linked_by = ("study",)
    list_display = ("extended_at", "facility", "study", "period", "until", "reason")
    list_select_related = ("facility", "study")
    search_fields = ("study__study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = ("facility", "study", "period", "until", "reason", ("extended_at", "extended_by"))
