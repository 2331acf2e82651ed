"""Contract versions and signatures: read, approved, and given out as documents."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.audit.record import record
from apps.contracts.agreeing import approve
from apps.contracts.models import ContractVersion, Signature
from apps.contracts.signing import document
from apps.contracts.wording import prices, promises, terms
from apps.core.acting import attempt
from apps.core.admin import Table, link, to_page
from apps.core.clock import database_now
from apps.facilities.admin import AuditedTenantAdmin


@admin.register(ContractVersion)
class ContractVersionAdmin(AuditedTenantAdmin):
    list_display = ("__str__", "facility", "effective_from", "tier_version", "price_list", "agreed_at", "approved_by")
    list_select_related = ("facility", "contract", "tier_version__tier", "price_list__tier_version__tier",
                           "approved_by")  # fmt: skip
    list_filter = (("facility", RelatedDropdownFilter),)
    fields = (
        "facility", "contract", ("number", "effective_from"), ("tier_version", "price_list"),
        ("agreed_at", "agreed_by", "approved_by"), "as_document",
    )  # fmt: skip
    actions_detail = ("approve",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.document_view)
        address = path("<int:pk>/document/", view, name="contracts_contractversion_document")
        return [address, *super().get_urls()]

    def can_act_on(self, obj: ContractVersion) -> bool:
        return not obj.is_agreed

    def tables(self, obj: ContractVersion) -> list[Table]:
        parts = ((_("What the center promises"), promises(obj.tier_version)), (_("Prices"), prices(obj.price_list)),
                 (_("Terms"), terms(obj)))  # fmt: skip
        return [Table(title, [_("Term"), _("Agreed")], [list(line) for line in lines]) for title, lines in parts]

    @display(description=_("document"))  # type: ignore[untyped-decorator]
    def as_document(self, obj: ContractVersion) -> str:
        address = reverse("admin:contracts_contractversion_document", args=[obj.pk])
        return link(address, _("PDF, as it was signed") if hasattr(obj, "signature") else _("PDF"))

    def document_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The document that was signed, or is to be."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = ContractVersion.objects.select_related("facility", "contract", "tier_version__tier", "price_list")
        version = found.filter(pk=pk).first()
        if version is None:
            raise Http404
        record("contract.document_read", actor=staff_actor(request), object_type="contract",
               object_id=version.contract_id, facility_id=version.facility_id, version=version.number)  # fmt: skip
        name = f"{version.contract}-{version.number}.pdf"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(document(version), content_type="application/pdf", headers=headers)

    @action(  # type: ignore[untyped-decorator]
        description=_("Approve"),
        icon="check",
        permissions=["contracts.change_contract"],
        dialog={
            "title": _("Approve this version?"),
            "description": _("It governs from its day on. Your name is recorded."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Approve"),
        },
    )
    def approve(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        version: ContractVersion | None = self.get_object(request, object_id)
        if version is None:
            raise PermissionDenied
        by, actor = staff_member(request), staff_actor(request)
        attempt(request, lambda: approve(version, by=by, actor=actor, now=database_now()), done=_("It is approved."))
        return to_page(request, version)


@admin.register(Signature)
class SignatureAdmin(AuditedTenantAdmin):
    list_display = ("version", "facility", "name", "signed_by", "signed_at", "source_address")
    list_select_related = ("facility", "version__contract", "signed_by")
    fields = ("facility", "version", "name", "signed_by", ("signed_at", "source_address"), "digest", "as_document")

    @display(description=_("SHA-256 of the document"))  # type: ignore[untyped-decorator]
    def digest(self, obj: Any) -> str:
        return format_html('<span style="overflow-wrap: anywhere">{}</span>', bytes(obj.document_sha256).hex())

    @display(description=_("document"))  # type: ignore[untyped-decorator]
    def as_document(self, obj: Signature) -> str:
        address = reverse("admin:contracts_contractversion_document", args=[obj.version_id])
        return link(address, _("PDF, as it was signed"))
