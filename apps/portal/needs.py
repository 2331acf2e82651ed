"""What waits for the facility, each with by when and where: the most urgent first.

Counts stop at MOST, so that no list of a large facility is read to its end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from apps.billing.changing import Standing
from apps.billing.models import Invoice, InvoiceKind
from apps.billing.models.invoices import OPEN
from apps.billing.models.invoices import State as InvoiceState
from apps.billing.settling import open_amounts
from apps.catalog.models import Conflict, ConflictDecision, ConflictKind
from apps.collection.models import Collection, State
from apps.collection.overdue import neglected
from apps.collection.schedule import Outlook
from apps.contracts.agreeing import is_followed, terminating_contract_of
from apps.contracts.models import Signature
from apps.core.clock import day_of
from apps.core.money import formatted
from apps.core.shown import day
from apps.facilities.doors import FacilityRequest
from apps.facilities.models import Role
from apps.orders.models import Order, OrderKind
from apps.orders.models import State as OrderState
from apps.portal.safety import Safety
from apps.retention.models import Disposition, Retention
from apps.retention.models import State as DispositionState

MOST = 1000
LISTED = 5
RECENT = timedelta(days=30)
SOON = timedelta(days=14)
_RANK = {"danger": 0, "warning": 1, "info": 2}

_FETCH = gettext_lazy("%(kind)s: fetch it, and confirm that you have it.")
_COMES = gettext_lazy("%(kind)s: on its way to you. Confirm it once you have it.")
TO_DO = {
    OrderKind.FILM: _COMES,
    OrderKind.PAPER: _COMES,
    OrderKind.MEDIUM: _COMES,
    OrderKind.SHARE: gettext_lazy(
        "%(kind)s: give the link to its receiver, and confirm once it is not needed any more."
    ),
    OrderKind.TRANSFER: gettext_lazy("%(kind)s: the node has it. Read what it answered, and confirm."),
}
"""What a facility does with an order that was dispatched, by its kind."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person: what it is, by when, and the one place to go to."""

    tone: str
    title: str
    text: str
    action: str
    url: str
    by: date | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What needs are told from. `standing` is None for those who may not see the contract."""

    request: FacilityRequest
    now: datetime
    safety: Safety
    outlooks: list[Outlook]
    standing: Standing | None

    @property
    def today(self) -> date:
        """The facility's."""
        return day_of(self.now, self.request.facility.time_zone)

    def may(self, role: Role) -> bool:
        """Whether this person may do what `role` may."""
        return self.request.role is not None and self.request.role.covers(role)

    def url(self, name: str, **arguments: Any) -> str:
        """The address of one of the facility's pages."""
        return reverse(f"portal:{name}", kwargs={"facility_slug": self.request.facility.slug, **arguments})


def needs_of(desk: Desk) -> list[Need]:
    """All there is for this person."""
    found = [*_copies(desk), *_collections(desk), *_conflicts(desk), *_terminals(desk)]
    if desk.may(Role.MEMBER):
        found += [*_decisions(desk), *_orders(desk), *_invoices(desk)]
    if desk.may(Role.OWNER):
        found += [*_signatures(desk), *_return(desk)]
    return sorted(found, key=lambda need: (_RANK[need.tone], need.by or date.max))


def _copies(desk: Desk) -> Iterator[Need]:
    where = desk.url("collections") + "?show=attention"
    if count := desk.safety.damaged:
        text = ngettext(
            "%(count)s pack does not match its record, in one place or in both. The center's staff has been told.",
            "%(count)s packs do not match their record, in one place or in both. The center's staff has been told.",
            count,
        )
        yield Need("danger", _("Damage found"), text % {"count": count}, _("See"), where)
    if count := desk.safety.late:
        text = ngettext(
            "%(count)s collection waits for its copy in the second place.",
            "%(count)s collections wait for their copy in the second place.",
            count,
        )
        yield Need("warning", _("Second copy is late"), text % {"count": _up_to(count)}, _("See"), where)


def _collections(desk: Desk) -> Iterator[Need]:
    facility, where = desk.request.facility, desk.url("collections") + "?show=attention"
    recent = Collection.objects.filter(facility=facility, opened_at__gt=desk.now - RECENT)
    if count := _counted(recent.filter(state__in=[State.PARTIAL, State.FAILED])):
        text = ngettext(
            "%(count)s collection ended early: send it again, or ask for another one.",
            "%(count)s collections ended early: send them again, or ask for others.",
            count,
        )
        yield Need("warning", _("Interrupted collections"), text % {"count": _up_to(count)}, _("See"), where)
    if count := _counted(recent.filter(quarantined_count__gt=0)):
        text = ngettext(
            "%(count)s collection had files that could not be read. They are kept as they came.",
            "%(count)s collections had files that could not be read. They are kept as they came.",
            count,
        )
        yield Need("info", _("In quarantine"), text % {"count": _up_to(count)}, _("See"), where)


def _conflicts(desk: Desk) -> Iterator[Need]:
    """Those that are open, and for some weeks what was decided; where a file is to come again, that needs somebody."""
    found, where = Conflict.objects.filter(facility=desk.request.facility), desk.url("conflicts")
    if count := _counted(found.filter(resolved_at=None)):
        text = ngettext(
            "%(count)s image contradicts a stored one. Both are kept; the center asks you if it cannot tell.",
            "%(count)s images contradict stored ones. All are kept; the center asks you if it cannot tell.",
            count,
        )
        yield Need("info", _("Images in conflict"), text % {"count": _up_to(count)}, _("See"), f"{where}?show=open")
    decided = found.filter(resolved_at__gt=desk.now - RECENT).exclude(kind=ConflictKind.UNREADABLE)
    if count := _counted(decided.filter(decision=ConflictDecision.OTHER)):
        text = ngettext(
            "%(count)s image was stored wrong, as the center decided: send the right file under a UID of its own.",
            "%(count)s images were stored wrong, as the center decided: send the right files under UIDs of their own.",
            count,
        )
        yield Need("warning", _("Images to send again"), text % {"count": _up_to(count)}, _("See"), where)
    if count := _counted(decided.exclude(decision=ConflictDecision.OTHER)):
        text = ngettext(
            "The center decided about %(count)s image that contradicted a stored one.",
            "The center decided about %(count)s images that contradicted stored ones.",
            count,
        )
        yield Need("info", _("Conflicts were decided"), text % {"count": _up_to(count)}, _("See"), where)


def _terminals(desk: Desk) -> Iterator[Need]:
    late = {each.outlook.terminal.pk: each for each in neglected(desk.outlooks, now=desk.now)}
    for outlook in desk.outlooks:
        terminal, full_on = outlook.terminal, outlook.forecast.full_on if outlook.forecast else None
        where, name = desk.url("terminal", terminal_id=terminal.pk), {"name": terminal.name}
        neglect = late.get(terminal.pk)
        if not outlook.last_collected_at and not terminal.enrolled_at:
            if desk.may(Role.MEMBER):
                yield Need("info", _("%(name)s is not set up") % name, _("A guide leads through it, step by step."),
                           _("Set it up"), where)  # fmt: skip
        elif neglect and neglect.visit_late_days:
            text = _("The visit that was agreed has not been made. The center has it on its list.")
            yield Need("warning", _("%(name)s: visit overdue") % name, text, _("See"), where, outlook.next_visit_on)
        elif neglect and (neglect.transfer_late_hours or neglect.silent_days):
            text = _("Nothing has come from it for a while. Is it on, and connected to the Internet?")
            yield Need("warning", _("%(name)s is silent") % name, text, _("Look"), where)
        if outlook.proposed_days and full_on:
            text = _("It fills up faster than it is collected from.")
            yield Need("warning", _("%(name)s will be full") % name, text, *_more_often(desk, where), full_on)
        if neglect and neglect.unmarked_sets:
            text = ngettext(
                "%(count)s image set is not marked: it is not known whether it is to be stored.",
                "%(count)s image sets are not marked: it is not known whether they are to be stored.",
                neglect.unmarked_sets,
            )
            yield Need("info", _("%(name)s: sets without a mark") % name, text % {"count": neglect.unmarked_sets},
                       _("See"), where)  # fmt: skip


def _more_often(desk: Desk, where: str) -> tuple[str, str]:
    """Whoever may see prices is led to the simulator, others to where a collection is asked for."""
    if desk.may(Role.MEMBER):
        return _("Compare plans"), desk.url("plan") + "#simulator"
    return _("See"), where


def _decisions(desk: Desk) -> Iterator[Need]:
    facility = desk.request.facility
    waiting = Disposition.objects.filter(facility=facility, state=DispositionState.NOTIFIED)
    if count := _counted(waiting):
        first = waiting.order_by("decide_by").values_list("decide_by", flat=True).first()
        by = timezone.localdate(first) if first else None
        text = ngettext(
            "The storage period of %(count)s study has ended: keep it or let it go.",
            "The storage period of %(count)s studies has ended: keep them or let them go.",
            count,
        )
        tone = "warning" if by and by <= desk.today + SOON else "info"
        yield Need(tone, _("To be decided"), text % {"count": _up_to(count)}, _("Decide"), desk.url("expiring"), by)
    if count := _counted(Retention.objects.filter(facility=facility).exclude(missing=[])):
        text = ngettext(
            "Of %(count)s study it is not known how long it must be kept. It is kept until you tell.",
            "Of %(count)s studies it is not known how long they must be kept. They are kept until you tell.",
            count,
        )
        where = desk.url("expiring") + "#unknown"
        yield Need("info", _("Missing information"), text % {"count": _up_to(count)}, _("Tell"), where)


def _orders(desk: Desk) -> Iterator[Need]:
    open_orders = Order.objects.filter(facility=desk.request.facility).order_by("pk")
    for order in open_orders.filter(state=OrderState.DISPATCHED)[:LISTED]:
        by = timezone.localdate(order.offered_until) if order.offered_until else None
        name = {"order": order, "kind": order.get_kind_display()}
        text = TO_DO.get(OrderKind(order.kind), _FETCH) % name
        yield Need("info", _("%(order)s is ready") % name, text, _open(), desk.url("order", order_id=order.pk), by)
    for order in open_orders.filter(state=OrderState.QUOTED, valid_until__gt=desk.now)[:LISTED]:
        name = {"order": order, "kind": order.get_kind_display()}
        yield Need("info", _("%(order)s is quoted") % name, _("%(kind)s: request it, or leave it.") % name,
                   _open(), desk.url("order", order_id=order.pk), timezone.localdate(order.valid_until))  # fmt: skip


def _invoices(desk: Desk) -> Iterator[Need]:
    found = Invoice.objects.filter(facility=desk.request.facility, state__in=OPEN, kind=InvoiceKind.INVOICE)
    listed = list(found.order_by("due_on", "pk")[:LISTED])
    owed = open_amounts(desk.request.facility.pk, listed)
    for invoice in listed:
        is_overdue = invoice.state == InvoiceState.OVERDUE
        title = _("Invoice %(number)s is overdue") if is_overdue else _("Invoice %(number)s")
        yield Need(
            "danger" if is_overdue else "info", title % {"number": invoice.number},
            _("%(amount)s to be paid.") % {"amount": formatted(owed[invoice.pk], invoice.currency)}, _open(),
            desk.url("invoice", invoice_id=invoice.pk), invoice.due_on,
        )  # fmt: skip


def _signatures(desk: Desk) -> Iterator[Need]:
    standing = desk.standing
    if standing is None:
        return
    if standing.contract is None:
        if terminating_contract_of(desk.request.facility.pk) is None:
            text = _("Compare what the center offers, and sign for what fits: then images are collected and given out.")
            yield Need("info", _("No contract is in force"), text, _("See the plans"), desk.url("plan"))
        return
    unsigned = [version for version in [*standing.versions, *standing.waiting] if version.effective_from >= desk.today]
    current = [standing.agreed] if standing.agreed else []
    wanted = {version.pk: version for version in [*current, *unsigned]}
    signed = Signature.objects.filter(facility=standing.facility, version__in=wanted)
    for key in wanted.keys() - set(signed.values_list("version_id", flat=True)):
        version = wanted[key]
        yield Need(
            "info", _("A contract to be signed"),
            _("%(tier)s from %(day)s.") % {"tier": version.tier_version.tier, "day": day(version.effective_from)},
            _("Read and sign"), desk.url("sign_version", version_id=version.pk), version.effective_from,
        )  # fmt: skip


def _return(desk: Desk) -> Iterator[Need]:
    """A contract ends, and the facility has not said yet that it has everything back."""
    contract = terminating_contract_of(desk.request.facility.pk)
    if contract and contract.returned_at is None and not is_followed(contract):
        text = _("Have your images given back, and confirm that you have all of them.")
        yield Need("info", _("The contract ends"), text, _("See"), desk.url("plan"), contract.ends_on)


def _counted(rows: QuerySet[Any]) -> int:
    return rows.order_by()[: MOST + 1].count()


def _up_to(count: int) -> str:
    return f"{MOST}+" if count > MOST else f"{count}"


def _open() -> str:
    return pgettext("action", "Open")
