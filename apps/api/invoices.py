"""Invoices and credit notes: listed, one with its lines, its charges, its documents."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import FileRenderer, file_answer, valid
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.billing.accounts import DETAILS, account_of, change_details
from apps.billing.documents import document_of
from apps.billing.e_invoice import e_invoice_xml, has_e_invoice
from apps.billing.models import BillingAccount, Charge, Invoice, InvoiceKind, InvoiceLine, Payment, State
from apps.billing.settling import open_amount
from apps.tiers.models import Item


class FilterSerializer(serializers.Serializer[Any]):
    """What invoices are narrowed down by."""

    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)
    state = serializers.ChoiceField(choices=State.choices, required=False)


class ListedInvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """An invoice in a list. Amounts of a credit note are negative."""

    kind = serializers.ChoiceField(choices=InvoiceKind.choices)
    state = serializers.ChoiceField(choices=State.choices)

    class Meta:
        model = Invoice
        fields: tuple[str, ...] = (
            "id", "number", "kind", "period", "state", "currency", "net", "tax", "gross", "issued_on", "due_on",
            "settled_at",
        )  # fmt: skip


class InvoiceLineSerializer(serializers.ModelSerializer[InvoiceLine]):
    """Charges of one item at one price."""

    item = serializers.ChoiceField(choices=Item.choices)

    class Meta:
        model = InvoiceLine
        fields = (
            "position", "item", "description", "quantity", "unit_price", "net", "tax_category", "tax_rate",
        )  # fmt: skip


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """What came, or went back."""

    class Meta:
        model = Payment
        fields = ("method", "amount", "currency", "paid_on", "reference")


class InvoiceSerializer(ListedInvoiceSerializer):
    """An invoice with its lines and payments, and what is still to be paid."""

    open = serializers.DecimalField(max_digits=14, decimal_places=2)
    corrects = serializers.CharField(allow_null=True)
    credit_notes = serializers.ListField(child=serializers.CharField())
    reason = serializers.CharField()
    lines = InvoiceLineSerializer(many=True)
    payments = PaymentSerializer(many=True)
    has_e_invoice = serializers.BooleanField()

    class Meta(ListedInvoiceSerializer.Meta):
        fields = (
            *ListedInvoiceSerializer.Meta.fields, "open", "corrects", "credit_notes", "reason", "lines", "payments",
            "has_e_invoice",
        )  # fmt: skip


class ChargeSerializer(serializers.ModelSerializer[Charge]):
    """A line of the ledger: what is owed, and why; `counted` names what was counted."""

    position = serializers.IntegerField(source="line.position")
    item = serializers.ChoiceField(choices=Item.choices)
    counted = serializers.DictField()

    class Meta:
        model = Charge
        fields = (
            "position", "source", "source_key", "item", "supplied_on", "quantity", "unit_price", "amount", "currency",
            "clause", "counted",
        )  # fmt: skip


class BillingDetailsSerializer(serializers.ModelSerializer[BillingAccount]):
    """What invoices call the facility, and where they are mailed; without an address they go to the owners."""

    legal_name = serializers.CharField(max_length=200)
    address = serializers.CharField(max_length=500)
    vat_id = serializers.CharField(max_length=20, allow_blank=True, default="")
    email = serializers.EmailField(allow_blank=True, default="")

    class Meta:
        model = BillingAccount
        fields = DETAILS


class BillingDetailsView(Resource):
    """How the facility is billed."""

    tag = "Billing"

    @extend_schema(operation_id="billing_details_retrieve", responses=BillingDetailsSerializer)
    def get(self, request: Request) -> Response:
        """What the next invoice calls the facility."""
        account = account_of(entered(request).facility)
        if account is None:
            raise NotFound
        return Response(BillingDetailsSerializer(account).data)

    @extend_schema(
        operation_id="billing_details_change", request=BillingDetailsSerializer, responses=BillingDetailsSerializer,
        examples=[
            OpenApiExample(
                "A clinic", {"legal_name": "Radiologie Lindenhof GmbH", "address": "Lindenhof 1\n8001 Zürich",
                "vat_id": "DE136695976", "email": "buero@lindenhof.example"}, request_only=True,
            )
        ],
    )  # fmt: skip
    def put(self, request: Request) -> Response:
        """Say so for the next invoice; those that are finalized stay as they are. 409: the VAT number is not one."""
        door, asked = entered(request), valid(BillingDetailsSerializer, request)
        return Response(BillingDetailsSerializer(change_details(door.facility, **asked, actor=door.actor)).data)


class InvoicesView(Resource):
    """The facility's invoices."""

    tag = "Billing"

    @extend_schema(
        operation_id="invoices_list", responses=page_serializer("invoices", ListedInvoiceSerializer),
        parameters=[*PAGED, FilterSerializer],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Invoices and credit notes, the latest first; those issued within some days, or in one state."""
        asked = FilterSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        lookups = {"since": "issued_on__gte", "until": "issued_on__lte", "state": "state"}
        found = _finalized(request).filter(**{lookups[name]: value for name, value in asked.validated_data.items()})
        return listed(request, "invoices", ListedInvoiceSerializer, page_of(request, found, "-pk"))


class InvoiceView(Resource):
    """One invoice."""

    tag = "Billing"

    @extend_schema(operation_id="invoices_retrieve", responses=InvoiceSerializer)
    def get(self, request: Request, invoice_id: int) -> Response:
        """An invoice: its lines, what came for it, what is open."""
        return Response(InvoiceSerializer(_whole(_invoice(request, invoice_id))).data)


class ChargesView(Resource):
    """The ledger of an invoice."""

    tag = "Billing"

    @extend_schema(
        operation_id="invoices_charges", responses=page_serializer("charges", ChargeSerializer), parameters=PAGED
    )
    def get(self, request: Request, invoice_id: int) -> Response:
        """The charges that the lines of an invoice are made of."""
        invoice = _invoice(request, invoice_id)
        found = Charge.objects.filter(facility=entered(request).facility, invoice=invoice).select_related("line")
        return listed(request, "charges", ChargeSerializer, page_of(request, found, "pk"))


class InvoiceDocumentView(Resource):
    """An invoice to file."""

    tag = "Billing"
    renderer_classes = (FileRenderer,)

    @extend_schema(operation_id="invoices_document", responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    def get(self, request: Request, invoice_id: int) -> HttpResponse:
        """The invoice as PDF/A."""
        invoice = _invoice(request, invoice_id)
        return file_answer(document_of(invoice), f"{invoice.number}.pdf", "application/pdf")


class EInvoiceView(Resource):
    """An invoice for programs."""

    tag = "Billing"
    renderer_classes = (FileRenderer,)

    @extend_schema(operation_id="invoices_e_invoice", responses={(200, "application/xml"): OpenApiTypes.BINARY})
    def get(self, request: Request, invoice_id: int) -> HttpResponse:
        """The invoice as EN 16931 (CII); 404 where the seller's country asks for none."""
        invoice = _invoice(request, invoice_id)
        if not has_e_invoice(invoice):
            raise NotFound("This invoice has no electronic form")
        return file_answer(e_invoice_xml(invoice), f"{invoice.number}.xml", "application/xml")


def _finalized(request: Request) -> QuerySet[Invoice]:
    return Invoice.objects.filter(facility=entered(request).facility).exclude(finalized_at=None)


def _invoice(request: Request, invoice_id: int) -> Invoice:
    invoice = _finalized(request).select_related("contract", "corrects").filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound
    return invoice


def _whole(invoice: Invoice) -> Any:
    """The invoice with the attributes that InvoiceSerializer names."""
    of_invoice = {"facility_id": invoice.facility_id, "invoice": invoice}
    notes = Invoice.objects.filter(facility_id=invoice.facility_id, corrects=invoice).exclude(finalized_at=None)
    told = {
        "open": open_amount(invoice) if invoice.kind == InvoiceKind.INVOICE else 0,
        "corrects": invoice.corrects.number if invoice.corrects else None,
        "credit_notes": list(notes.order_by("pk").values_list("number", flat=True)),
        "reason": invoice.reason,
        "lines": InvoiceLine.objects.filter(**of_invoice).order_by("position"),
        "payments": Payment.objects.filter(**of_invoice).order_by("pk"),
        "has_e_invoice": has_e_invoice(invoice),
    }
    return told | {name: getattr(invoice, name) for name in ListedInvoiceSerializer.Meta.fields}
