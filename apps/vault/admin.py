"""Packs, to be read: nothing but the vault itself writes or removes one."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from apps.core.admin import HappenedFilter
from apps.facilities.admin import AuditedTenantAdmin
from apps.vault.models import Pack


class SecondCopyFilter(HappenedFilter):
    title = _("second copy")
    parameter_name = "replicated"
    field = "replicated_at"


@admin.register(Pack)
class PackAdmin(AuditedTenantAdmin):
    list_display = ("name", "facility", "kind", "file_count", "size", "created_at", "is_in_both_places")
    list_filter = (("facility", RelatedDropdownFilter), "kind", SecondCopyFilter)
    search_fields = ("name__exact",)
    fields = ("facility", "name", "kind", "file_count", "size", "digest", "created_at", "replicated_at")

    @display(description=_("in both places"), boolean=True)  # type: ignore[untyped-decorator]
    def is_in_both_places(self, obj: Pack) -> bool:
        return obj.is_stored
