"""Sealed collections on their way in, what senders announced, and the receipts that were given."""

from functools import partial

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.audit.admin import staff_actor
from apps.collection.models import AnnouncedFile, Receipt, Upload
from apps.collection.progress import arrived
from apps.collection.stopping import open_again
from apps.collection.tasks import announce_upload
from apps.core.acting import attempt
from apps.core.admin import to_page
from apps.core.admin_progress import live
from apps.core.clock import database_now
from apps.facilities.admin import AuditedTenantAdmin


@admin.register(Upload)
class UploadAdmin(AuditedTenantAdmin):
    when_empty = _("Sealed collections appear here while they arrive.")
    list_display = ("created_at", "facility", "device_token", "length", "completed_at", "opened_at", "reason")
    list_select_related = ("facility", "device_token")
    fields = (
        "facility", "uid", "collection_uid", "sealed_digest", ("length", "progress"), "device_token", "source_address",
        ("created_at", "expires_at"), ("completed_at", "opened_at", "refused_at"), "reason", ("attempts", "stopped_at"),
    )  # fmt: skip
    actions_detail = ("open_again",)

    def offers(self, act: str, obj: Upload) -> bool:
        return obj.stopped_at is not None

    @action(  # type: ignore[untyped-decorator]
        description=_("Open again"),
        icon="replay",
        permissions=["collection.change_upload"],
        dialog={
            "title": _("Have a worker open it again?"),
            "description": _("Each time a worker died over it. What was stored of it already is not stored twice."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Open again"),
        },
    )
    def open_again(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        upload: Upload = self.found(request, object_id)
        transaction.on_commit(lambda: announce_upload(upload.pk), robust=True)
        act = partial(open_again, upload, actor=staff_actor(request), now=database_now())
        attempt(request, act, done=_("A worker opens it."))
        return to_page(request, upload)

    @display(description=_("arrived"))  # type: ignore[untyped-decorator]
    def progress(self, obj: Upload) -> str:
        return live(obj, arrived(obj) if obj.opened_at is None and obj.refused_at is None else None)

    @display(description=_("SHA-256, sealed"))  # type: ignore[untyped-decorator]
    def sealed_digest(self, obj: Upload) -> str:
        return bytes(obj.sealed_sha256).hex()


@admin.register(AnnouncedFile)
class AnnouncedFileAdmin(AuditedTenantAdmin):
    linked_by = ("collection",)
    list_display = ("number", "facility", "collection", "left_because", "length")
    list_select_related = ("facility", "collection")
    list_filter = (("facility", RelatedDropdownFilter), "left_because")
    fields = ("facility", "collection", "source_name", "left_because", "length", "announced_digest")

    @display(description=_("file"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: AnnouncedFile) -> str:
        return f"#{obj.pk}"

    @display(description=_("SHA-256"))  # type: ignore[untyped-decorator]
    def announced_digest(self, obj: AnnouncedFile) -> str:
        return bytes(obj.sha256).hex() if obj.sha256 else "-"


@admin.register(Receipt)
class ReceiptAdmin(AuditedTenantAdmin):
    when_empty = _("A receipt is signed for every collection that is received, and once it is stored.")
    linked_by = ("collection",)
    list_display = ("issued_at", "kind", "collection", "terminal", "facility")
    list_select_related = ("facility", "collection", "terminal")
    list_filter = (("facility", RelatedDropdownFilter), "kind")
    fields = ("facility", "collection", "terminal", "kind", "issued_at", "signed")

    @display(description=_("as signed (JWS)"))  # type: ignore[untyped-decorator]
    def signed(self, obj: Receipt) -> SafeString:
        return format_html('<pre class="message" tabindex="0">{}</pre>', obj.jws)
