"""The pages of the monthly run: a month's progress, what is parked, what is to be finalized; credits; the proof."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Abs, Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.billing.drafting import release
from apps.billing.halting import go_on, halt, open_halt
from apps.billing.invoicing import credit, finalize, to_finalize
from apps.billing.models import Charge, Invoice, InvoiceKind, Source, State
from apps.billing.months import first_day, month_before, next_month
from apps.billing.proof import Proof, look, rerate
from apps.billing.run import Outlook, due, progress, run_billing
from apps.billing.tasks import announce_run
from apps.core.acting import attempt
from apps.core.admin import Table, link_to, list_of, page_of
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.core.money import formatted
from apps.facilities.models import Facility

READS = ("billing.view_invoice", "billing.view_charge")
MAY = "billing.change_invoice"
MOST_ROWS = 200
"""Invoices that a page shows and finalizes at a time."""
DAYS_RATED = 70
"""How far back the page of the proof rates again; every night goes further."""

Page = Callable[[HttpRequest], HttpResponse | dict[str, Any]]


def urls(site: AdminSite) -> list[URLPattern]:
    """The pages' addresses, for the model admin that takes them in."""
    return [
        path("run/", _page(site, _("Billing run"), "run", run_page), name="billing_run"),
        path("proof/", _page(site, _("Proof"), "proof", proof_page), name="billing_proof"),
        path("<int:pk>/credit/", _page(site, _("Credit"), "credit", credit_page), name="billing_credit"),
    ]


def run_page(request: HttpRequest) -> HttpResponse | dict[str, Any]:
    """A month: how far it is, what is parked and why, drafts beside the month before, a dry run of the rest."""
    now = database_now()
    month = _month(request.GET.get("month", ""), now)
    if request.method == "POST":
        _act(request, now)
        return redirect(f"{request.path}?month={month:%Y-%m}")
    of_month = Invoice.objects.filter(period=month, kind=InvoiceKind.INVOICE).select_related("facility", "contract")
    halted = open_halt()
    drafts = _beside_the_month_before(of_month.filter(state=State.DRAFT), month)
    return {
        "month": month,
        "before": month_before(month),
        "after": next_month(month),
        "figures": _figures(month, now),
        "halt": halted,
        "is_going_on": halted is None and due(month, as_of=now).exists(),
        "parked": of_month.filter(state=State.PARKED).order_by("facility__name")[:MOST_ROWS],
        "drafts": [(each, _difference(each)) for each in drafts[:MOST_ROWS]],
        "may_be_finalized_until": now - timedelta(days=settings.BILLING_GRACE_DAYS),
        "grace_days": settings.BILLING_GRACE_DAYS,
        "to_finalize": to_finalize(now=now).count(),
        "most": MOST_ROWS,
        "dry_run": _dry_run(month, now) if request.GET.get("dry") else None,
        "may": request.user.has_perm(MAY),
    }


def credit_page(request: HttpRequest, pk: int) -> HttpResponse | dict[str, Any]:
    """The charges of an invoice, to choose what is credited."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    final = Invoice.objects.filter(kind=InvoiceKind.INVOICE, finalized_at__isnull=False)
    invoice = get_object_or_404(final.select_related("facility"), pk=pk)
    charges = Charge.objects.filter(facility_id=invoice.facility_id, invoice=invoice).order_by("pk")
    if request.method == "POST":
        chosen = list(charges.filter(pk__in=_keys(request)))
        attempt(
            request,
            lambda: credit(
                invoice, chosen, reason=request.POST.get("reason", "").strip()[:200], by=staff_member(request),
                actor=staff_actor(request), now=database_now(),
            ),
            done=_("The credit note is made."),
        )  # fmt: skip
        return redirect(page_of(invoice))
    credited = set(
        Charge.objects.filter(facility_id=invoice.facility_id, source=Source.CREDIT).values_list(
            "source_key", flat=True
        )
    )
    rows = [(each, formatted(each.amount, each.currency), str(each.pk) in credited) for each in charges]
    return {"invoice": invoice, "charges": rows}


def proof_page(_request: HttpRequest) -> dict[str, Any]:
    """What does not prove right, as of now."""
    now, proof = database_now(), Proof()
    rerate(proof, since=first_day(now.date() - timedelta(days=DAYS_RATED)))
    look(proof, as_of=now)
    facilities = Facility.objects.in_bulk({each.facility_id for each in proof.storage})
    tables = [
        Table(_("Invoices that rate otherwise"), [_("Invoice"), _("What differs")],
              [[link_to(each.invoice), each.what] for each in proof.differences]),
        Table(_("Numbers missing or too many"), [_("Number")], [[each] for each in proof.number_gaps]),
        Table(_("Months without an invoice"), [_("Contract"), _("Facility"), _("Month")],
              [[f"{each}", each.facility, f"{month:%Y-%m}"] for each, month in proof.period_gaps]),
        Table(_("Invoices that overlap another one"), [_("Invoice")], [[link_to(each)] for each in proof.overlaps]),
        Table(_("Storage that does not add up"), [_("Facility"), _("What"), _("Metered"), _("Found")],
              [[link_to(facilities[each.facility_id]), each.what, f"{each.metered:,}", f"{each.found:,}"]
               for each in proof.storage]),
        Table(_("Transfers that do not add up"), [_("Transfer"), _("What")],
              [[link_to(each.about), each.what] for each in proof.bank]),
        Table(_("Card payments that differ"), [_("What is on record"), _("What")],
              [[link_to(each.about), each.what] for each in proof.cards]),
    ]  # fmt: skip
    return {"proof": proof, "tables_found": [table for table in tables if table.rows]}


def _page(site: AdminSite, title: Any, name: str, page: Callable[..., Any]) -> Callable[..., HttpResponse]:
    @wraps(page)
    def view(request: HttpRequest, **given: Any) -> HttpResponse:
        if not request.user.has_perms(READS):
            raise PermissionDenied
        answer = page(request, **given)
        if isinstance(answer, HttpResponse):
            return answer
        return TemplateResponse(
            request, f"admin/billing/{name}.html", site.each_context(request) | {"title": title} | answer
        )

    guarded: Callable[..., HttpResponse] = site.admin_view(view)
    return guarded


def _month(text: str, now: datetime) -> date:
    """The month that was asked for; the last one, where that cannot be understood."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 a month has no time zone
    except ValueError:
        return month_before(now.date())


def _act(request: HttpRequest, now: datetime) -> None:
    """Stop the run or let it go on, release a parked invoice, finalize those that were chosen, or all that may be."""
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    by, actor = staff_member(request), staff_actor(request)
    if "halt" in request.POST:
        attempt(request, lambda: halt(by=by, actor=actor, now=now), done=_("The run is stopped."))
        return
    if "go_on" in request.POST:
        transaction.on_commit(announce_run, robust=True)
        attempt(request, lambda: go_on(by=by, actor=actor, now=now), done=_("The run goes on."))
        return
    if key := request.POST.get("release", ""):
        parked = get_object_or_404(Invoice, pk=int(key) if key.isdecimal() else 0)
        attempt(request, lambda: release(parked, by=by, actor=actor, now=now), done=_("The invoice is a draft."))
        return
    rows: QuerySet[Invoice] = (
        to_finalize(now=now).exclude(drafted_by=by) if "all" in request.POST else
        Invoice.objects.filter(pk__in=_keys(request))
    )  # fmt: skip
    done, refused = 0, dict[str, int]()
    for invoice in rows.order_by("issuer_id", "period", "pk")[:MOST_ROWS]:
        try:
            finalize(invoice, by=by, actor=actor, now=now)
        except DomainError as error:
            refused[error.message] = refused.get(error.message, 0) + 1
        else:
            done += 1
    if done:
        messages.success(request, ngettext("One invoice is final.", "%(n)d invoices are final.", done) % {"n": done})
    for why, count in refused.items():
        messages.error(request, f"{why} ({count})")


def _keys(request: HttpRequest) -> list[int]:
    return [int(key) for key in request.POST.getlist("chosen") if key.isdecimal()]


def _figures(month: date, now: datetime) -> list[tuple[Any, str, str]]:
    told = progress(month)
    states = [(State.DRAFT, _("Drafts")), (State.PARKED, _("Parked")), (State.FINALIZED, _("Finalized")),
              (State.OVERDUE, _("Overdue")), (State.PAID, _("Paid"))]  # fmt: skip
    return [
        (_("Still to be made"), f"{due(month, as_of=now).count():,}", ""),
        *(
            (name, f"{told.get(state, (0,))[0]:,}", list_of(Invoice, state__exact=state.value, period=f"{month}"))
            for state, name in states
        ),
    ]


def _beside_the_month_before(drafts: QuerySet[Invoice], month: date) -> QuerySet[Invoice]:
    """Drafts with `net_before`, those that differ most first."""
    before = Invoice.objects.filter(
        facility_id=OuterRef("facility_id"), contract_id=OuterRef("contract_id"), period=month_before(month),
        kind=InvoiceKind.INVOICE,
    ).exclude(state=State.PARKED)  # fmt: skip
    with_before = drafts.annotate(net_before=Subquery(before.values("net")[:1]))
    return with_before.order_by(Abs(F("net") - Coalesce("net_before", Decimal(0))).desc(), "pk")


def _difference(invoice: Any) -> dict[str, str]:
    before = invoice.net_before
    return {
        "net": formatted(invoice.net, invoice.currency),
        "before": "" if before is None else formatted(before, invoice.currency),
        "difference": "" if before is None else formatted(invoice.net - before, invoice.currency),
    }


def _dry_run(month: date, now: datetime) -> Table:
    run = run_billing(month, as_of=now, dry_run=True)
    run.outlooks.sort(key=lambda each: (not each.parked_because, -abs(each.net - (each.before or Decimal(0)))))
    rows = [_outlook(each) for each in run.outlooks[:MOST_ROWS]]
    title = _("Dry run: %(drafted)d would be drafted, %(parked)d parked") % {
        "drafted": run.drafted, "parked": run.parked,
    }  # fmt: skip
    headers = [_("Facility"), _("Contract"), _("Invoice, before tax"), _("Month before"), _("Difference"),
               _("Parked because")]  # fmt: skip
    return Table(title, headers, rows)


def _outlook(each: Outlook) -> list[Any]:
    currency = each.contract.currency
    told = ["-", "-"]
    if each.before is not None:
        told = [formatted(each.before, currency), formatted(each.net - each.before, currency)]
    return [link_to(each.contract.facility), f"{each.contract}", formatted(each.net, currency), *told,
            each.parked_because or "-"]  # fmt: skip
