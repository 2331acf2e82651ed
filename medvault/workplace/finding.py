"""The search over everything: by what people have in hand, each looked up in an index, and only what they may read.

What was searched for names patients, so it is posted and kept in the session as lists keep theirs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.audit.admin import staff_actor
from apps.audit.record import record
from apps.billing.models import Invoice
from apps.catalog.matching import within_prefix
from apps.catalog.models import NamePart, Patient, Study
from apps.catalog.names import word_probes
from apps.collection.models import Collection, Terminal
from apps.core.admin import keep_term, kept_term, page_of
from apps.facilities.models import Facility
from apps.orders.models import Order

FIRST = 8
LONGEST = 200
SHORTEST_NAME = 2
LARGEST_KEY = 2**63 - 1

Lookup = Callable[[str], QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be found: who may, how, and what is said of each beside its name."""

    title: Any
    icon: str
    permission: str
    lookup: Lookup
    name: Callable[[Any], object] = str
    about: Callable[[Any], object] = lambda _found: ""


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found of a kind: name, address, facility and what else is said."""

    title: Any
    icon: str
    rows: list[tuple[object, str, object, object]]


def find(term: str, *, may: Callable[[str], bool]) -> list[Hits]:
    """What matches, of the kinds that the person may read; the first few of each."""
    kinds = [kind for kind in KINDS if may(kind.permission)]
    hits = (Hits(kind.title, kind.icon, [_row(kind, each) for each in kind.lookup(term)[:FIRST]]) for kind in kinds)
    return [each for each in hits if each.rows]


def find_page(request: HttpRequest) -> HttpResponse:
    """The page: a term is posted, and a key stands for it in the address."""
    if request.method == "POST":
        term = request.POST.get(SEARCH_VAR, "").strip()[:LONGEST]
        return redirect(f"{request.path}?{SEARCH_VAR}={keep_term(request, term)}" if term else request.path)
    term = kept_term(request, request.GET.get(SEARCH_VAR, ""))
    hits = find(term, may=request.user.has_perm) if term else []
    _record(request, hits)
    context = admin.site.each_context(request) | {"title": _("Find"), "term": term, "hits": hits, "kinds": KINDS}
    return TemplateResponse(request, "admin/find.html", context)


def _row(kind: Kind, found: Model) -> tuple[object, str, object, object]:
    return kind.name(found), page_of(found), getattr(found, "facility", ""), kind.about(found)


def _record(request: HttpRequest, hits: Iterable[Hits]) -> None:
    """Who was shown names of patients is on record, as for lists of them."""
    for title, object_type in ((_("Patients"), "patient"), (_("Studies"), "study")):
        count = sum(len(each.rows) for each in hits if str(each.title) == str(title))
        if count:
            record(f"{object_type}.listed", actor=staff_actor(request), object_type=object_type, object_id="",
                   facility_id=None, count=count)  # fmt: skip


def _facilities(term: str) -> QuerySet[Facility]:
    return Facility.objects.filter(Q(name__icontains=term) | Q(slug__istartswith=term)).order_by("name")


def _patients(term: str) -> QuerySet[Patient]:
    """By patient ID, or by words that names begin with, in every facility: each index starts with it."""
    everywhere = list(Facility.objects.values_list("pk", flat=True))
    found = Q(pk__in=Patient.objects.filter(facility__in=everywhere, patient_id=term).values("pk"))
    probes = word_probes(term)
    if probes and max(map(len, probes)) > SHORTEST_NAME:
        named = NamePart.objects.filter(facility__in=everywhere)
        first, *others = sorted(probes, key=len, reverse=True)
        patients = named.filter(within_prefix("part", first)).values("patient_id")
        for probe in others:
            patients = patients.filter(patient_id__in=named.filter(within_prefix("part", probe)).values("patient_id"))
        found |= Q(pk__in=patients)
    return Patient.objects.filter(found).select_related("facility").order_by("pk")


def _studies(term: str) -> QuerySet[Study]:
    everywhere = list(Facility.objects.values_list("pk", flat=True))
    by_uid = Study.objects.filter(facility__in=everywhere, study_instance_uid=term)
    by_number = Study.objects.filter(facility__in=everywhere, accession_number=term)
    found = by_uid.values("pk").union(by_number.values("pk"))
    return Study.objects.filter(pk__in=found).select_related("facility").order_by("-pk")


def _orders(term: str) -> QuerySet[Order]:
    return _by_number(Order.objects.all(), term, prefix="O-").select_related("facility")


def _invoices(term: str) -> QuerySet[Invoice]:
    return Invoice.objects.filter(number=term).exclude(number="").select_related("facility").order_by("pk")


def _terminals(term: str) -> QuerySet[Terminal]:
    named = Q(name__icontains=term) | Q(ae_title__iexact=term)
    return Terminal.objects.filter(named).select_related("facility").order_by("name", "pk")


def _collections(term: str) -> QuerySet[Collection]:
    collections = Collection.objects.select_related("facility")
    try:
        everywhere = list(Facility.objects.values_list("pk", flat=True))
        return collections.filter(facility__in=everywhere, uid=UUID(term))
    except ValueError:
        return _by_number(collections, term, prefix="#")


def _by_number(rows: QuerySet[Any], term: str, *, prefix: str) -> QuerySet[Any]:
    digits = term.upper().removeprefix(prefix)
    is_number = digits.isascii() and digits.isdecimal() and int(digits) <= LARGEST_KEY
    return rows.filter(pk=int(digits)) if is_number else rows.none()


KINDS = (
    Kind(_("Facilities"), "apartment", "facilities.view_facility", _facilities, about=lambda each: each.country),
    Kind(_("Patients"), "person_search", "catalog.view_patient", _patients,
         lambda each: each.display_name or each.local_name or "-", lambda each: each.patient_id),
    Kind(_("Studies"), "folder_open", "catalog.view_study", _studies, str, lambda each: each.study_date),
    Kind(_("Orders"), "outbox", "orders.view_order", _orders, str, lambda each: each.get_state_display()),
    Kind(_("Invoices"), "receipt", "billing.view_invoice", _invoices, str, lambda each: each.get_state_display()),
    Kind(_("Terminals"), "dns", "collection.view_terminal", _terminals, about=lambda each: each.ae_title),
    Kind(_("Collections"), "inventory_2", "collection.view_collection", _collections,
         str, lambda each: each.get_state_display()),
)  # fmt: skip
