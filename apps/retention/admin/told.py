"""What facilities said: events of care, and studies kept longer. Append-only, to be read."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from apps.catalog.admin.of_study import OfStudyAdmin
from apps.core.periods import period_in_words
from apps.facilities.admin import AuditedTenantAdmin
from apps.retention.explaining import in_words
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
class ExtensionAdmin(OfStudyAdmin):
    list_display = ("extended_at", "facility", "of_study", "longer", "end", "reason")
    search_fields = ("study__study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = ("facility", "of_study", "longer", "end", "reason", ("extended_at", "extended_by"))

    @display(description=_("period"))  # type: ignore[untyped-decorator]
    def longer(self, obj: Extension) -> str:
        return period_in_words(obj.period)

    @display(description=_("kept until"), ordering="until")  # type: ignore[untyped-decorator]
    def end(self, obj: Extension) -> str:
        return in_words(obj.until)
