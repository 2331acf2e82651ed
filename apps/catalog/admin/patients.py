"""Patients. Looking at one is an event on record."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from apps.catalog.models import Patient, Study
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to, list_of
from apps.core.shown import day
from apps.facilities.admin import AuditedTenantAdmin


@admin.register(Patient)
class PatientAdmin(AuditedTenantAdmin):
    when_empty = _("Patients appear with their first images.")
    records_views = True
    list_display = ("name", "local_name", "patient_id", "birth_date", "sex", "facility")
    search_fields = ("patient_id__exact",)
    search_help_text = _("Patient ID")
    fields = (
        "facility",
        "name",
        "local_name",
        "patient_id",
        "issuer_of_patient_id",
        "other_ids",
        "birth_date",
        "sex",
        "created_at",
    )

    @display(description=_("name"))  # type: ignore[untyped-decorator]
    def name(self, obj: Patient) -> str:
        return obj.display_name or "-"

    @display(description=_("ideographic name"))  # type: ignore[untyped-decorator]
    def local_name(self, obj: Patient) -> str:
        return obj.local_name

    @display(description=_("other patient IDs"))  # type: ignore[untyped-decorator]
    def other_ids(self, obj: Patient) -> str:
        return ", ".join(obj.other_patient_ids)

    def tables(self, obj: Patient) -> list[Table]:
        found = Study.objects.filter(facility_id=obj.facility_id, patient=obj).order_by("-study_date", "-pk")
        rows = [
            [
                link_to(row, day(row.study_date) if row.study_date else _("no date")),
                row.study_description,
                ", ".join(row.modalities_in_study),
                row.instance_count,
                filesizeformat(row.size_bytes),
            ]
            for row in found[:ROWS_OF_A_TABLE]
        ]
        headers = [_("Date"), _("Description"), _("Modalities"), _("Images"), _("Size")]
        return [Table(_("Studies"), headers, rows, list_of(Study, patient__id__exact=obj.pk))]
