"""What came in: collections, reception records, every received file; a study's page with how it came in."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display

from apps.accounts.staff import staff_member
from apps.catalog.admin.studies import StudyAdmin, instances_of
from apps.catalog.image_access import access_of
from apps.catalog.models import Study
from apps.collection.admin.quarantine import MAY, QuarantineActs, UndecidedFilter, decisions_of
from apps.collection.models import Collection, Outcome, ReceivedFile, ReceptionRecord
from apps.collection.progress import progress_of
from apps.collection.quarantine import undecided
from apps.collection.reconciliation import left_by_reason, reconcile
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to, list_of, page_of, to_page
from apps.core.admin_progress import live
from apps.core.clock import database_now
from apps.core.shown import moment
from apps.facilities.admin import AuditedTenantAdmin
from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.places import place

DOWNLOADABLE = frozenset({Outcome.QUARANTINED, Outcome.CONFLICT})  # what staff have to judge; the rest is the catalog's


@admin.register(Collection)
class CollectionAdmin(AuditedTenantAdmin):
    when_empty = _("The first appears when a facility sends images or a medium is received.")
    list_display = (
        "number",
        "facility",
        "method",
        "state",
        "opened_at",
        "file_count",
        "quarantined_count",
        "conflict_count",
        "size",
    )
    list_filter = (("facility", RelatedDropdownFilter), "method", "state")
    search_fields = ("uid__exact",)
    search_help_text = _("Identifier, as in manifests")
    fields = (
        "facility",
        "uid",
        "method",
        ("state", "progress"),
        ("opened_at", "received_at", "stored_at"),
        ("stored_count", "duplicate_count"),
        ("conflict_count", "quarantined_count"),
        ("skipped_count", "size"),
    )

    @display(description=_("collection"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: Collection) -> str:
        return str(obj)

    @display(description=_("progress"))  # type: ignore[untyped-decorator]
    def progress(self, obj: Collection) -> str:
        return live(obj, progress_of(obj))

    @display(description=_("files"))  # type: ignore[untyped-decorator]
    def file_count(self, obj: Collection) -> int:
        return obj.file_count

    def tables(self, obj: Collection) -> list[Table]:
        records = ReceptionRecord.objects.filter(collection=obj).select_related("user", "device_token")
        files = ReceivedFile.objects.filter(facility_id=obj.facility_id, collection=obj).exclude(outcome=Outcome.STORED)
        return [
            Table(
                _("Reception record"),
                [_("Received"), _("Method"), _("Brought or sent by"), _("Medium"), _("Address")],
                [
                    [
                        link_to(row, moment(row.received_at)),
                        row.get_method_display(),
                        row.operator or row.user or row.device_token or "-",
                        row.medium_serial or "-",
                        row.source_address or "-",
                    ]
                    for row in records
                ],
            ),
            *_reconciliation(obj),
            _files_table(
                _("Files that were not simply stored"), files, list_of(ReceivedFile, collection__id__exact=obj.pk)
            ),
        ]


@admin.register(ReceptionRecord)
class ReceptionRecordAdmin(AuditedTenantAdmin):
    list_display = ("received_at", "facility", "method", "operator", "medium_serial", "source_address")
    list_filter = (("facility", RelatedDropdownFilter), "method")
    fields = (
        "facility",
        "collection",
        "received_at",
        "method",
        "operator",
        "user",
        "device_token",
        "medium_serial",
        "source_address",
    )


class ReceivedFileAdmin(QuarantineActs, AuditedTenantAdmin):
    """Registered in retention, which sets files aside: it knows until when."""

    when_empty = _("Every file that is received appears here, with what became of it.")
    linked_by = ("collection",)
    list_display = ("number", "outcome", "reason", "length", "short_digest", "collection", "facility")
    list_select_related = ("facility", "collection")
    list_filter = (("facility", RelatedDropdownFilter), "outcome", UndecidedFilter)
    fields = (
        "facility",
        "collection",
        "outcome",
        "reason_code",
        "reason",
        "sop_instance_uid",
        "length",
        "digest",
        "source_name",
        "instance",
        "conflict",
        ("pack", "pack_offset"),
    )
    actions_detail: ClassVar[tuple[str, ...]] = ("download", *QuarantineActs.ACTS)

    @property
    def object_type(self) -> str:
        return "file"

    @display(description=_("file"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: ReceivedFile) -> str:
        return f"#{obj.pk}"

    @display(description=_("SHA-256"))  # type: ignore[untyped-decorator]
    def short_digest(self, obj: ReceivedFile) -> str:
        return bytes(obj.sha256).hex()[:12] + "…"

    def offers(self, act: str, obj: ReceivedFile) -> bool:
        if act == "download":
            return obj.pack is not None and obj.outcome in DOWNLOADABLE
        return undecided(as_of=database_now().date()).filter(facility_id=obj.facility_id, pk=obj.pk).exists()

    def tables(self, obj: ReceivedFile) -> list[Table]:
        return decisions_of(obj)

    @action(description=_("Download"), icon="download", permissions=[MAY])  # type: ignore[untyped-decorator]
    def download(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The bytes as they were received, for those who decide on them; streamed after the transaction has ended. What
        contradicts a study is an image of it: it takes the reason that looking at the study takes.
        """
        file = self.get_object(request, object_id)
        if file is None or not self.offers("download", file):
            raise Http404
        study = file.conflict.study if file.conflict else None
        if study and access_of(study, person=staff_member(request), now=database_now()) is None:
            messages.warning(request, _("Say first why you need to see the images of this study."))
            return redirect(page_of(study))
        pieces = place("primary").pieces(file.pack.name, file.pack_offset, file.length_bytes)
        try:
            first = next(pieces, b"")
        except (MissingPack, VaultUnavailable) as error:
            messages.error(request, error.message)
            return to_page(request, file)
        self.record_act(request, "downloaded", file)
        headers = {
            "Content-Disposition": f'attachment; filename="received-file-{file.pk}.bin"',
            "Content-Length": str(file.length_bytes),
        }
        return StreamingHttpResponse(chain([first], pieces), content_type="application/octet-stream", headers=headers)


@admin.register(Study)
class ReceivedStudyAdmin(StudyAdmin):
    """Registered here and not in catalog: how a study came in is known in this room."""

    def tables(self, obj: Study) -> list[Table]:
        received = ReceivedFile.objects.filter(facility_id=obj.facility_id, instance__in=instances_of(obj))
        found = ReceptionRecord.objects.filter(collection__in=received.values("collection")).order_by("-received_at")
        rows = [
            [
                link_to(row.collection),
                row.received_at,
                row.get_method_display(),
                row.operator or row.user or row.device_token or "-",
                row.medium_serial or "-",
            ]
            for row in found.select_related("collection", "user", "device_token")[:ROWS_OF_A_TABLE]
        ]
        headers = [_("Collection"), _("Received"), _("Method"), _("Brought or sent by"), _("Medium")]
        return [*super().tables(obj), Table(_("Receptions"), headers, rows)]


def _reconciliation(collection: Collection) -> list[Table]:
    """What the sender announced against what came; none where nothing was announced."""
    counts = reconcile(collection)
    if not (counts.announced or counts.left):
        return []
    reasons = ", ".join(f"{label}: {count}" for label, count in left_by_reason(collection))
    headers = [_("Announced"), _("Received"), _("Missing"), _("Extra"), _("Left at the facility"), _("Why")]
    row = [counts.announced, counts.received, counts.missing, counts.extra, counts.left, reasons or "-"]
    return [Table(_("Reconciliation"), headers, [row])]


def _files_table(title: Any, files: Any, more: str) -> Table:
    rows: Sequence[Sequence[Any]] = [
        [link_to(row, f"#{row.pk}"), row.get_outcome_display(), row.reason or "-", filesizeformat(row.length_bytes)]
        for row in files.order_by("pk")[:ROWS_OF_A_TABLE]
    ]
    return Table(title, [_("File"), _("Outcome"), _("Reason"), _("Length")], rows, more)
