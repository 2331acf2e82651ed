"""Storage commitments: what terminals were promised, and whether they know."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from apps.dicomnet.models import Commitment
from apps.facilities.admin import AuditedTenantAdmin


@admin.register(Commitment)
class CommitmentAdmin(AuditedTenantAdmin):
    list_display = ("requested_at", "facility", "terminal", "images", "not_committed", "verified_at", "reported_at")
    list_select_related = ("facility", "terminal")
    list_filter = (("facility", RelatedDropdownFilter),)
    fields = (
        "facility", "terminal", "transaction_uid", "images", "not_committed", "requested_at", "verified_at",
        ("reported_at", "attempts", "next_at"),
    )  # fmt: skip

    @display(description=_("images"))  # type: ignore[untyped-decorator]
    def images(self, obj: Commitment) -> int:
        return len(obj.references)

    @display(description=_("not committed"))  # type: ignore[untyped-decorator]
    def not_committed(self, obj: Commitment) -> str:
        return "-" if obj.failures is None else str(len(obj.failures))
