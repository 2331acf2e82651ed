"""The papers of an invoice, to be taken along from its page in the workplace."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from apps.audit.admin import AuditedAdmin
from apps.billing.documents import document_of
from apps.billing.e_invoice import e_invoice_xml, has_e_invoice
from apps.billing.errors import DocumentDiffers
from apps.billing.models import Invoice
from apps.core.admin import to_page


class InvoicePapers(AuditedAdmin):
    """For the admin of invoices: PAPERS among its `actions_detail`, and `offers` asks `offers_paper` of them."""

    PAPERS = ("document", "e_invoice")

    def offers_paper(self, act: str, obj: Invoice) -> bool:
        """Finalized invoices have a document; an e-invoice where the seller's country asks for one."""
        return obj.finalized_at is not None and (act != "e_invoice" or has_e_invoice(obj))

    @action(description=_("PDF"), icon="picture_as_pdf", permissions=["view"])  # type: ignore[untyped-decorator]
    def document(self, request: HttpRequest, object_id: str) -> HttpResponse:
        invoice = self._invoice(request, object_id, "document")
        try:
            return _file(invoice, document_of(invoice), "pdf", "application/pdf")
        except DocumentDiffers as error:
            messages.error(request, error.message)
            return to_page(request, invoice)

    @action(description=_("E-invoice"), icon="code", permissions=["view"])  # type: ignore[untyped-decorator]
    def e_invoice(self, request: HttpRequest, object_id: str) -> HttpResponse:
        invoice = self._invoice(request, object_id, "e_invoice")
        return _file(invoice, e_invoice_xml(invoice), "xml", "application/xml")

    def _invoice(self, request: HttpRequest, object_id: str, act: str) -> Any:
        invoice = self.get_object(request, object_id)
        if invoice is None or not self.offers_paper(act, invoice):
            raise Http404
        return invoice


def _file(invoice: Invoice, content: bytes, suffix: str, content_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{invoice.number}.{suffix}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)
