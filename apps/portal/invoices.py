"""Invoices: the list with a chart of what was charged, and the page of one, each line open to its charges."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet, Sum, Window
from django.db.models.functions import RowNumber
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.billing.accounts import account_of
from apps.billing.documents import document_of
from apps.billing.e_invoice import e_invoice_xml, has_e_invoice
from apps.billing.errors import DocumentDiffers
from apps.billing.models import Charge, Invoice, InvoiceKind, InvoiceLine, Payment
from apps.billing.settling import open_amount
from apps.collection.models import Collection
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Facility, Role
from apps.portal.chart import Chart, stacked_bars
from apps.portal.invoice_search import InvoiceSearchForm
from apps.portal.numbers import whole_number
from apps.retention.models import Extension
from apps.tiers.models import UNITS, Item

PAGE, MONTHS, LINES, CHARGES = 25, 12, 200, 100
COLLECTIONS = {Item.VISIT, Item.ONLINE, Item.MEDIA}
STORAGE = {Item.STORAGE_GB, Item.STORAGE_STUDY, Item.EXTENSION}


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of an invoice with the first of its charges, each with the address of what was counted, if it has one."""

    line: InvoiceLine
    unit: Any
    charges: list[tuple[Charge, str]]
    more: int


@facility_door(role=Role.MEMBER)
@require_safe
def invoice_list(request: FacilityRequest) -> HttpResponse:
    """Newest first, narrowed down by dates, amounts and number; `before` is the id of the last one seen."""
    form = InvoiceSearchForm(request.GET)
    found = form.narrowed(_finalized(request.facility)) if form.is_valid() else Invoice.objects.none()
    if (before := whole_number(request.GET.get("before", ""))) is not None:
        found = found.filter(pk__lt=before)
    page = list(found.order_by("-pk")[: PAGE + 1])
    context = {
        "form": form,
        "invoices": page[:PAGE],
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "before": before,
        "query": form.query(),
        "account": account_of(request.facility),
        **_charged(request.facility, timezone.localdate()),
    }
    return render(request, "portal/invoice_list.html", context, status=200 if form.is_valid() else 422)


@facility_door(role=Role.MEMBER)
@require_safe
def invoice_page(request: FacilityRequest, invoice_id: int) -> HttpResponse:
    """What is owed, why, and what came."""
    invoice = _invoice(request, invoice_id)
    of_invoice = {"facility": request.facility, "invoice": invoice}
    context = {
        "invoice": invoice,
        "open": open_amount(invoice) if invoice.kind == InvoiceKind.INVOICE else Decimal(0),
        "lines": _lines(request.facility, invoice),
        "more_lines": max(InvoiceLine.objects.filter(**of_invoice).count() - LINES, 0),
        "payments": Payment.objects.filter(**of_invoice).order_by("pk"),
        "notes": _finalized(request.facility).filter(corrects=invoice).order_by("pk"),
        "has_e_invoice": has_e_invoice(invoice),
    }
    return render(request, "portal/invoice.html", context)


@facility_door(role=Role.MEMBER)
@require_safe
def document(request: FacilityRequest, invoice_id: int) -> HttpResponse:
    """The invoice to file: PDF/A."""
    invoice = _invoice(request, invoice_id)
    try:
        return _file(invoice, document_of(invoice), "pdf", "application/pdf")
    except DocumentDiffers as error:
        messages.error(request, error.message)
        return redirect("portal:invoice", facility_slug=request.facility.slug, invoice_id=invoice.pk)


@facility_door(role=Role.MEMBER)
@require_safe
def e_invoice(request: FacilityRequest, invoice_id: int) -> HttpResponse:
    """The invoice for programs: EN 16931."""
    invoice = _invoice(request, invoice_id)
    if not has_e_invoice(invoice):
        raise Http404
    return _file(invoice, e_invoice_xml(invoice), "xml", "application/xml")


def _finalized(facility: Facility) -> QuerySet[Invoice]:
    return Invoice.objects.filter(facility=facility).exclude(finalized_at=None)


def _invoice(request: FacilityRequest, invoice_id: int) -> Invoice:
    return get_object_or_404(_finalized(request.facility).select_related("contract", "corrects"), pk=invoice_id)


def _file(invoice: Invoice, content: bytes, suffix: str, content_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{invoice.number}.{suffix}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)


def _lines(facility: Facility, invoice: Invoice) -> list[Shown]:
    lines = list(InvoiceLine.objects.filter(facility=facility, invoice=invoice).order_by("position")[:LINES])
    charges = Charge.objects.filter(facility=facility, invoice=invoice, line__in=lines)
    counts = dict(charges.values_list("line_id").annotate(Count("pk")))
    rank = Window(RowNumber(), partition_by="line_id", order_by=("supplied_on", "pk"))
    first = list(charges.annotate(rank=rank).filter(rank__lte=CHARGES).order_by("supplied_on", "pk"))
    addresses = _addresses(facility, first)
    by_line = defaultdict[int, list[tuple[Charge, str]]](list)
    for charge in first:
        by_line[charge.line_id].append((charge, addresses.get(charge.pk, "")))
    return [
        Shown(line, UNITS[line.item], by_line[line.pk], counts.get(line.pk, 0) - len(by_line[line.pk]))
        for line in lines
    ]


def _addresses(facility: Facility, charges: Sequence[Charge]) -> dict[int, str]:
    """Of what was counted, by charge: the collection, or the study that is kept longer."""
    uids = [each.counted["collection"] for each in charges if "collection" in each.counted]
    collections = dict(Collection.objects.filter(facility=facility, uid__in=uids).values_list("uid", "pk"))
    by_uid = {str(uid): key for uid, key in collections.items()}
    keys = [key for each in charges if (key := whole_number(str(each.counted.get("extension", "")))) is not None]
    studies = dict(Extension.objects.filter(facility=facility, pk__in=keys).values_list("pk", "study_id"))
    by_key = {str(key): study for key, study in studies.items() if study}
    found = dict[int, str]()
    for charge in charges:
        if collection := by_uid.get(charge.counted.get("collection", "")):
            found[charge.pk] = _address(facility, "collection", collection_id=collection)
        elif study := by_key.get(str(charge.counted.get("extension", ""))):
            found[charge.pk] = _address(facility, "study", study_id=study)
    return found


def _address(facility: Facility, name: str, **arguments: int) -> str:
    return reverse(f"portal:{name}", kwargs={"facility_slug": facility.slug, **arguments})


def _charged(facility: Facility, today: date) -> dict[str, Any]:
    """The chart of the last twelve months that are over, before tax, and its currency: that of the latest invoice."""
    latest = _finalized(facility).order_by("-pk").values_list("currency", flat=True).first()
    months = [(today.replace(day=1) - timedelta(days=1)).replace(day=1)]
    while len(months) < MONTHS:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    lines = InvoiceLine.objects.filter(facility=facility, invoice__in=_finalized(facility).filter(currency=latest))
    sums = lines.filter(invoice__period__gte=months[0]).values_list("invoice__period", "item")
    series = {name: dict.fromkeys(months, Decimal(0)) for name in _KINDS}
    for period, item, net in sums.annotate(net=Sum("net")):
        if period in months:
            series[_kind(item)][period] += net
    return {"chart": _chart(months, series), "currency": latest}


_KINDS = ("base", "collections", "storage", "outputs")


def _kind(item: str) -> str:
    if item == Item.BASE_FEE:
        return "base"
    return "collections" if item in COLLECTIONS else "storage" if item in STORAGE else "outputs"


def _chart(months: list[date], series: dict[str, dict[date, Decimal]]) -> Chart:
    """Whole units of the currency; what comes to less than nothing in a month is left out."""
    names = dict(zip(_KINDS, (_("Base fee"), _("Collections"), _("Storage"), _("Outputs")), strict=True))
    shown = {
        names[kind]: [max(round(amounts[month]), 0) for month in months]
        for kind, amounts in series.items()
        if any(amount > 0 for amount in amounts.values())
    }
    return stacked_bars(months, shown)
