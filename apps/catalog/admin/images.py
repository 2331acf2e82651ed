"""Series and instances, without their pictures."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from pydicom.uid import UID
from unfold.decorators import display

from apps.catalog.admin.of_study import OfStudyAdmin
from apps.catalog.models import Instance, Series
from apps.catalog.naming import person
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to, list_of
from apps.facilities.admin import AuditedTenantAdmin


@admin.register(Series)
class SeriesAdmin(OfStudyAdmin):
    list_display = (
        "number",
        "modality",
        "series_number",
        "series_description",
        "instance_count",
        "of_study",
        "facility",
    )
    search_fields = ("study__study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = (
        "facility",
        "of_study",
        "series_instance_uid",
        ("modality", "series_number"),
        "series_description",
        "series_date",
        ("body_part_examined", "laterality"),
        "protocol_name",
        ("manufacturer", "manufacturer_model_name", "station_name"),
        ("performing_physician", "operator"),
        "instance_count",
    )

    @display(description=_("performing physician"))  # type: ignore[untyped-decorator]
    def performing_physician(self, obj: Series) -> str:
        return person(obj.performing_physician_name) or "-"

    @display(description=_("operator"))  # type: ignore[untyped-decorator]
    def operator(self, obj: Series) -> str:
        return person(obj.operators_name) or "-"

    @display(description=_("series"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: Series) -> str:
        return f"#{obj.pk}"

    def tables(self, obj: Series) -> list[Table]:
        found = Instance.objects.filter(facility_id=obj.facility_id, series=obj).order_by("instance_number", "pk")
        rows = [
            [link_to(row), row.instance_number, uid_in_words(row.sop_class_uid), filesizeformat(row.length_bytes)]
            for row in found[:ROWS_OF_A_TABLE]
        ]
        headers = [_("SOP Instance UID"), _("Number"), _("SOP class"), _("Length")]
        return [Table(_("Instances"), headers, rows, list_of(Instance, series__id__exact=obj.pk))]


@admin.register(Instance)
class InstanceAdmin(AuditedTenantAdmin):
    linked_by = ("series",)
    list_display = ("sop_instance_uid", "instance_number", "sop_class", "length", "facility")
    search_fields = ("sop_instance_uid__exact",)
    search_help_text = _("SOP Instance UID")
    fields = (
        "facility",
        "of_series",
        "sop_instance_uid",
        "sop_class",
        "transfer_syntax",
        "instance_number",
        ("content_date", "acquisition_date"),
        ("rows", "columns", "number_of_frames"),
        "document_title",
        "pack",
        ("pack_offset", "length"),
        "digest",
        "findings",
    )

    @display(description=_("series"))  # type: ignore[untyped-decorator]
    def of_series(self, obj: Instance) -> SafeString:
        named = filter(None, [f"#{obj.series_id}", obj.series.modality, obj.series.series_description])
        return link_to(obj.series, " ".join(named))

    @display(description=_("SOP class"), ordering="sop_class_uid")  # type: ignore[untyped-decorator]
    def sop_class(self, obj: Instance) -> str:
        return uid_in_words(obj.sop_class_uid)

    @display(description=_("transfer syntax"))  # type: ignore[untyped-decorator]
    def transfer_syntax(self, obj: Instance) -> str:
        return uid_in_words(obj.transfer_syntax_uid)

    @display(description=_("warnings"))  # type: ignore[untyped-decorator]
    def findings(self, obj: Instance) -> str:
        return ", ".join(obj.warnings)


def uid_in_words(uid: str) -> str:
    """What the standard calls a UID (PS3.6 A), or the UID itself."""
    return UID(uid).name or "-"
