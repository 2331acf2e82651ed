"""When staff looked at images."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter

from apps.catalog.models import ImageAccess
from apps.facilities.admin import AuditedTenantAdmin


@admin.register(ImageAccess)
class ImageAccessAdmin(AuditedTenantAdmin):
    """When staff looked at images, and why."""

    when_empty = _("When staff look at images, by exception and with a reason, it appears here.")
    list_display = ("opened_at", "facility", "person", "purpose", "reason", "ends_at")
    list_select_related = ("facility", "person")
    list_filter = (("facility", RelatedDropdownFilter), "purpose")
    search_fields = ("study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = ("facility", "study_instance_uid", "person", "purpose", "reason", "opened_at", "ends_at")
