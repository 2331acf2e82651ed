"""Packs and what was found wrong with them, to be read: nothing but the vault itself writes or removes either."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from apps.core.admin import ROWS_OF_A_TABLE, HappenedFilter, Table, link_to, list_of, minute
from apps.core.clock import database_now
from apps.facilities.admin import AuditedTenantAdmin
from apps.vault.models import Finding, Pack
from apps.vault.standing import not_read_in_time


class SecondCopyFilter(HappenedFilter):
    title = _("second copy")
    parameter_name = "replicated"
    field = "replicated_at"


class ReadInTimeFilter(HappenedFilter):
    title = _("read again in time")
    parameter_name = "in_time"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"yes", "no"}:
            return queryset
        late = not_read_in_time(database_now()).values("pk")
        return queryset.filter(pk__in=late) if self.value() == "no" else queryset.exclude(pk__in=late)


@admin.register(Pack)
class PackAdmin(AuditedTenantAdmin):
    list_display = ("name", "facility", "kind", "file_count", "size", "created_at", "is_in_both_places", "verified")
    list_filter = (("facility", RelatedDropdownFilter), "kind", SecondCopyFilter, ReadInTimeFilter)
    search_fields = ("name__exact",)
    search_help_text = _("Name of the pack")
    fields = (
        "facility", "name", "kind", "file_count", "size", "digest", "created_at", "replicated_at", "checked_at",
        "verified",
    )  # fmt: skip

    @display(description=_("in both places"), boolean=True)  # type: ignore[untyped-decorator]
    def is_in_both_places(self, obj: Pack) -> bool:
        return obj.is_stored

    @display(description=_("last verified in both places"))  # type: ignore[untyped-decorator]
    def verified(self, obj: Pack) -> str:
        return minute(obj.last_verified_at)

    def tables(self, obj: Pack) -> list[Table]:
        found = Finding.objects.filter(facility_id=obj.facility_id, pack=obj).order_by("-pk")
        rows = [
            [link_to(row, row.get_damage_display()), row.get_place_display(), row.found_at, outcome_of(row)]
            for row in found[:ROWS_OF_A_TABLE]
        ]
        headers = [_("Found"), _("Place"), _("When"), _("Outcome")]
        return [Table(_("Findings"), headers, rows, list_of(Finding, pack__id__exact=obj.pk))]


class ResolvedFilter(HappenedFilter):
    title = _("resolved")
    parameter_name = "resolved"
    field = "resolved_at"


@admin.register(Finding)
class FindingAdmin(AuditedTenantAdmin):
    """Open findings come first: PostgreSQL sorts what has no time before the latest."""

    when_empty = _("Every copy that was read is what was stored.")
    ordering = ("-resolved_at", "-pk")
    linked_by = ("pack",)
    list_display = ("pack_name", "facility", "place", "damage", "found_at", "outcome")
    list_filter = (("facility", RelatedDropdownFilter), ResolvedFilter, "place", "damage", "resolution")
    search_fields = ("pack_name__exact",)
    search_help_text = _("Name of the pack")
    fields = (
        "facility", "pack", "pack_name", "place", "damage", "found_at", "as_read", "read_bytes",
        "agrees_with_manifest", "outcome", "resolved_at", "kept_as",
    )  # fmt: skip

    @display(description=_("SHA-256 as read"))  # type: ignore[untyped-decorator]
    def as_read(self, obj: Finding) -> str:
        return bytes(obj.read_sha256).hex() if obj.read_sha256 else "-"

    @display(description=_("outcome"))  # type: ignore[untyped-decorator]
    def outcome(self, obj: Finding) -> str:
        return outcome_of(obj)


def outcome_of(finding: Finding) -> str:
    """How a finding ended, or why it is still open."""
    if finding.resolved_at:
        return finding.get_resolution_display()
    return f"{_('open')}: {finding.get_obstacle_display() or _('to be repaired')}"
