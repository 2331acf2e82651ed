"""Dispositions: where each end of a study stands. The facility decides; staff see to it that it is carried out."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.audit.admin import staff_actor
from apps.audit.record import record
from apps.core.admin import ROWS_OF_A_TABLE, HappenedFilter, Table, link, to_page
from apps.facilities.admin import AuditedTenantAdmin
from apps.retention.certificate_document import DECISIONS
from apps.retention.certificates import number_of
from apps.retention.deletion import carry_out
from apps.retention.ending import stuck
from apps.retention.explaining import explain
from apps.retention.models import Disposition, State

WHY = DECISIONS | {
    "objection": _("kept: the facility objected"),
    "extension": _("kept: the facility extended it, or was silent"),
    "held": _("kept: it is held"),
    "new_images": _("kept: images came after it had expired"),
    "still_retained": _("kept: its end moved on"),
    "unknown_period": _("kept: its end is unknown again"),
}
DECIDED = frozenset({State.APPROVED, State.DELETING})


class ProblemFilter(HappenedFilter):
    """Those that something stood in the way of when they were last tried."""

    title = _("problem")
    parameter_name = "problem"
    field = "problem"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Disposition]) -> QuerySet[Disposition]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset & stuck() if self.value() == "yes" else queryset.exclude(pk__in=stuck().values("pk"))


@admin.register(Disposition)
class DispositionAdmin(AuditedTenantAdmin):
    when_empty = _("Studies whose storage period has ended appear here, with what is decided about them.")
    list_display = ("created_at", "state", "facility", "study_instance_uid", "kept_until", "decide_by", "next_at",
                    "problem")  # fmt: skip
    list_filter = (("facility", RelatedDropdownFilter), "state", ProblemFilter)
    search_fields = ("study_instance_uid__exact",)
    search_help_text = _("Study Instance UID")
    fields = (
        "facility", "state", "study_instance_uid", ("study_date", "kinds"), ("kept_until", "governed_by"),
        ("created_at", "notified_at", "told_at"), ("decide_by", "next_at"),
        ("approved_at", "approved_by", "decided"), "withdrawn_at", ("deleting_at", "deleted_at"),
        ("instance_count", "size"), "problem", "signed",
    )  # fmt: skip
    actions_detail = ("try_again",)

    def get_urls(self) -> list[URLPattern]:
        certificate = self.admin_site.admin_view(self.certificate_view)
        address = path("<int:pk>/certificate/", certificate, name="retention_disposition_certificate")
        return [address, *super().get_urls()]

    def can_act_on(self, obj: Disposition) -> bool:
        return obj.state in DECIDED and bool(obj.problem)

    def tables(self, obj: Disposition) -> list[Table]:
        packs = obj.contents.get("packs", [])
        files = [(pack["name"], file) for pack in packs for file in pack["files"]]
        rows = [
            [file["sop_instance_uid"], _digest(file["sha256"]), filesizeformat(file["length"]), name]
            for name, file in files[:ROWS_OF_A_TABLE]
        ]
        headers = [_("SOP Instance UID"), _("SHA-256"), _("Size"), _("Pack")]
        title: Any = _("What is deleted")
        if len(files) > ROWS_OF_A_TABLE:
            title = _("What is deleted: the first %(shown)d of %(all)d files; the certificate names all") % {
                "shown": ROWS_OF_A_TABLE, "all": len(files),
            }  # fmt: skip
        return [Table(title, headers, rows)]

    @display(description=_("modalities"))  # type: ignore[untyped-decorator]
    def kinds(self, obj: Disposition) -> str:
        return ", ".join(obj.modalities) or "-"

    @display(description=_("decided"))  # type: ignore[untyped-decorator]
    def decided(self, obj: Disposition) -> str:
        return str(WHY.get(obj.decision, obj.decision)) or "-"

    @display(description=_("governing floor"))  # type: ignore[untyped-decorator]
    def governed_by(self, obj: Disposition) -> str:
        law = obj.governing.get("citation") or obj.governing.get("rule", "")
        return f"{explain(obj.governing)} ({law})" if obj.governing else "-"

    @display(description=_("certificate"))  # type: ignore[untyped-decorator]
    def signed(self, obj: Disposition) -> str:
        if not obj.certificate:
            return "-"
        return link(reverse("admin:retention_disposition_certificate", args=[obj.pk]), _("Signed certificate (JWS)"))

    def certificate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The certificate as the file that it is."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Disposition.objects.select_related("facility").filter(pk=pk).exclude(certificate="").first()
        if found is None:
            raise Http404
        name = f"deletion-{number_of(found)}.jws"
        record("certificate.downloaded", actor=staff_actor(request), object_type="disposition", object_id=found.pk,
               facility_id=found.facility_id)  # fmt: skip
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(found.certificate, content_type="application/jose", headers=headers)

    @action(  # type: ignore[untyped-decorator]
        description=_("Try again"),
        icon="replay",
        permissions=["retention.change_disposition"],
        dialog={
            "title": _("Try again now?"),
            "description": _("What was decided is carried out, if nothing stands in the way any more."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Try again"),
        },
    )
    def try_again(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        disposition: Disposition | None = self.get_object(request, object_id)
        if disposition is None:
            raise PermissionDenied
        if not self.can_act_on(disposition):
            messages.error(request, _("Nothing is to be tried again here."))
            return to_page(request, disposition)
        self.record_act(request, "tried_again", disposition)
        # Bytes go only after the rows are gone for good: never within this request's transaction.
        transaction.on_commit(partial(carry_out, disposition.pk, disposition.state), robust=True)
        messages.info(request, _("It was tried again: the state below is how it went."))
        return to_page(request, disposition)


def _digest(text: str) -> str:
    return format_html('<span style="overflow-wrap: anywhere">{}</span>', text)
