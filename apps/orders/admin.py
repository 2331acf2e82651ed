"""The work queue of outputs: by due time, claimed, produced, dispatched, sent back; and what is written about each."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from mimetypes import guess_type
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.catalog.admin import study_in_words
from apps.core.acting import attempt
from apps.core.admin import ROWS_OF_A_TABLE, Table, link, link_to, minute, to_page
from apps.core.admin_progress import live
from apps.core.clock import database_now
from apps.core.money import formatted, plain
from apps.core.ranges import in_parts
from apps.facilities.admin import AuditedTenantAdmin
from apps.orders.choosing import studies_of
from apps.orders.delivering import delivery_of, dispatch_taken, refusals_of, standing_of, told
from apps.orders.kinds import KINDS
from apps.orders.kinds.bundle import members
from apps.orders.models import WAITING, Fault, Order, OrderKind, State
from apps.orders.nodes import node_of
from apps.orders.ordered import later_images_of
from apps.orders.ordering import cancel, complete
from apps.orders.outputs import latest, made_output, opened, pieces
from apps.orders.progress import progress_of
from apps.orders.sheet_admin import SheetActs, print_tables
from apps.orders.statuses import in_words
from apps.orders.talking import write
from apps.orders.tasks import announce_production
from apps.orders.working import accept, dispatch, send_back, start_production, stop_production

MAY = ["orders.change_order"]
OFFERED: dict[str, frozenset[State]] = {
    "accept": frozenset({State.REQUESTED}),
    "start_production": frozenset({State.ACCEPTED}),
    "stop": frozenset({State.PRODUCING}),
    "fetch": frozenset({State.READY, State.DISPATCHED}),
    "dispatch": frozenset({State.READY}),
    "dispatch_taken": frozenset({State.READY}),
    "complete": frozenset({State.DISPATCHED}),
    "send_back": frozenset({State.READY, State.DISPATCHED}),
    "cancel": frozenset({State.REQUESTED, State.ACCEPTED}),
    "write": frozenset(State) - {State.QUOTED},
}
"""In which states the page of an order offers which act."""


class QueueFilter(SimpleListFilter):
    """What the center has something to do for, unless all is asked for."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("all", _("all orders"))]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, title in ((None, _("to be done")), *self.lookup_choices):
            query = changelist.get_query_string({self.parameter_name: value} if value else {}, [self.parameter_name])
            yield {"selected": self.value() == value, "query_string": query, "display": title}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        return queryset if self.value() == "all" else queryset.filter(state__in=WAITING)


class DispatchForm(BaseDialogForm):  # type: ignore[misc]
    """How it goes to the facility."""

    tracking_number = forms.CharField(
        label=_("Tracking number"), required=False, max_length=80, widget=UnfoldAdminTextInputWidget,
        help_text=_("of what is sent by post or carrier"),
    )  # fmt: skip


class ReasonForm(BaseDialogForm):  # type: ignore[misc]
    """Why; the facility reads it."""

    reason = forms.CharField(
        label=_("Reason"), max_length=300, widget=UnfoldAdminTextInputWidget, help_text=_("The facility reads it.")
    )


class MessageForm(BaseDialogForm):  # type: ignore[misc]
    """A message to the facility."""

    text = forms.CharField(label=_("Message"), max_length=2000, widget=UnfoldAdminTextareaWidget)


@admin.register(Order)
class OrderAdmin(SheetActs, AuditedTenantAdmin):
    when_empty = _("Nothing is to be done. Orders that have ended are among all orders.")
    list_display = ("due_at", "number", "facility", "kind", "state", "is_urgent", "is_late", "accepted_by", "size")
    list_select_related = ("facility", "accepted_by")
    list_filter = (QueueFilter, ("facility", RelatedDropdownFilter), "state", "is_urgent")
    ordering: ClassVar[Sequence[str]] = ["due_at", "pk"]
    fields = (
        ("number", "uid"), "facility", ("kind", "is_urgent"), "state", "progress", "problem", "emergency",
        ("requested_at", "due_at"), "accepted_by", ("price", "version"), ("instance_count", "size", "later"),
        ("delivered_at", "offered_until"), "tracking_number",
    )  # fmt: skip
    actions_detail = (
        "accept", "start_production", "stop", "fetch", *SheetActs.ACTS, "dispatch", "dispatch_taken", "complete",
        "write", "send_back", "cancel",
    )  # fmt: skip

    def offers(self, act: str, obj: Order) -> bool:
        if act in self.ACTS:
            return self.offers_of_sheets(act, obj)
        if obj.state not in OFFERED[act]:
            return False
        if act in {"dispatch", "dispatch_taken"} and (delivery := delivery_of(obj)):
            return delivery.next_at is None and (act == "dispatch" or standing_of(delivery).taken > 0)
        return act != "dispatch_taken" and not (act == "cancel" and obj.delivered_at)

    def tables(self, obj: Order) -> list[Table]:
        tables = [_items(obj), _wishes(obj), _lines(obj), _steps(obj), _messages(obj), _outputs(obj)]
        return [*_faults(obj), *tables, *_media(obj), *_links(obj), *print_tables(obj), *_deliveries(obj)]

    @display(description=_("order"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: Order) -> str:
        return str(obj)

    @display(description=_("images since the quote"))  # type: ignore[untyped-decorator]
    def later(self, obj: Order) -> int:
        """They are not part of it."""
        return later_images_of(obj).count()

    @display(description=_("late"), boolean=True)  # type: ignore[untyped-decorator]
    def is_late(self, obj: Order) -> bool:
        return obj.due_at is not None and obj.state in WAITING and obj.due_at < timezone.now()

    @display(description=_("progress"))  # type: ignore[untyped-decorator]
    def progress(self, obj: Order) -> str:
        return live(obj, progress_of(obj))

    @action(  # type: ignore[untyped-decorator]
        description=_("Claim"),
        icon="back_hand",
        permissions=MAY,
        dialog={
            "title": _("Claim this order?"),
            "description": _("You take it on: your name and the time are recorded."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Claim"),
        },
    )
    def accept(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, accept, done=_("The order is yours."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Produce"),
        icon="manufacturing",
        permissions=MAY,
        dialog={
            "title": _("Produce it now?"),
            "description": _("A worker produces it, reads it back and compares it with what is stored."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Produce"),
        },
    )
    def start_production(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        transaction.on_commit(announce_production, robust=True)
        return self.act_on(request, object_id, start_production, done=_("It is being produced."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Stop"),
        icon="stop_circle",
        permissions=MAY,
        dialog={
            "title": _("Stop producing it?"),
            "description": _(
                "The worker leaves off at the next image, and nothing of it stays. It can be produced again."
            ),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Stop"),
        },
    )
    def stop(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, stop_production, done=_("It is no longer produced."))

    @action(description=_("Fetch the file"), icon="download", permissions=MAY)  # type: ignore[untyped-decorator]
    def fetch(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """What was produced, to be burned, printed or looked at; of media also one of its parts. In ranges."""
        order: Order = self.found(request, object_id)
        output, kind = made_output(order), KINDS[order.kind]
        if output is None:
            raise Http404
        name, start, size = f"{order}{kind.suffix}", 0, output.size_bytes
        if part := request.GET.get("part"):
            name, (start, size) = part, _parts(order).get(part, (0, 0))
            if not size:
                raise Http404
        self.record_act(request, "fetched", order, production=output.number, part=part or "")
        response = in_parts(
            request, lambda at, length: pieces(output, start + at, length), size=size,
            etag=f'"{bytes(output.sha256 or b"").hex()}-{start}"',
            content_type=guess_type(name)[0] or "application/octet-stream",
        )  # fmt: skip
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @action(  # type: ignore[untyped-decorator]
        description=_("Dispatch"),
        icon="local_shipping",
        permissions=MAY,
        dialog={
            "title": _("Dispatch it?"),
            "description": _(
                "The facility gets it, and it is charged unless it was before. What goes to a node is sent "
                "there first, and dispatched when the node has it."
            ),
            "form_class": DispatchForm,
            "form_submit_text": _("Dispatch"),
        },
    )
    def dispatch(self, request: HttpRequest, form: DispatchForm, object_id: str) -> HttpResponse:
        act = partial(dispatch, tracking_number=form.cleaned_data["tracking_number"])
        is_sent = node_of(self.found(request, object_id)) is not None
        done = _("It is on its way to its node.") if is_sent else _("It is dispatched.")
        return self.act_on(request, object_id, act, done=done)

    @action(  # type: ignore[untyped-decorator]
        description=_("Dispatch what got through"),
        icon="rule",
        permissions=MAY,
        dialog={
            "title": _("Be content with what the node took?"),
            "description": _("The report says what it refused. The order is charged unless it was before."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Dispatch what got through"),
        },
    )
    def dispatch_taken(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, dispatch_taken, done=_("It is dispatched as far as the node took it."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Handed over"),
        icon="task_alt",
        permissions=MAY,
        dialog={
            "title": _("Was it handed over?"),
            "description": _("The order is completed, and what it is of is no longer held."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Handed over"),
        },
    )
    def complete(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, complete, done=_("The order is completed."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Send back"),
        icon="replay",
        permissions=MAY,
        dialog={
            "title": _("Send it back, to be produced again?"),
            "description": _("What was produced is thrown away. It is not charged a second time."),
            "form_class": ReasonForm,
            "form_submit_text": _("Send back"),
        },
    )
    def send_back(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        act = partial(send_back, reason=form.cleaned_data["reason"])
        return self.act_on(request, object_id, act, done=_("It can be produced again."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Cancel"),
        icon="cancel",
        permissions=MAY,
        dialog={
            "title": _("Cancel this order?"),
            "description": _("The facility gets nothing, and nothing is charged."),
            "form_class": ReasonForm,
            "form_submit_text": _("Cancel the order"),
        },
    )
    def cancel(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        act = partial(cancel, reason=form.cleaned_data["reason"])
        return self.act_on(request, object_id, act, done=_("The order is cancelled."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Write"),
        icon="chat",
        permissions=MAY,
        dialog={
            "title": _("Write to the facility"),
            "description": _("It reads this on the page of the order."),
            "form_class": MessageForm,
            "form_submit_text": _("Send"),
        },
    )
    def write(self, request: HttpRequest, form: MessageForm, object_id: str) -> HttpResponse:
        act = partial(write, text=form.cleaned_data["text"], is_from_center=True)
        return self.act_on(request, object_id, act, done=_("The facility has your message."))

    def act_on(self, request: HttpRequest, object_id: str, act: Callable[..., object], *, done: Any) -> HttpResponse:
        """Do it to the order as the person who is signed in."""
        order: Order | None = self.get_object(request, object_id)
        if order is None:
            raise PermissionDenied
        by, actor, now = staff_member(request), staff_actor(request), database_now()
        attempt(request, lambda: act(order, by=by, actor=actor, now=now), done=done)
        return to_page(request, order)


def _items(order: Order) -> Table:
    items = list(order.items.filter(facility_id=order.facility_id).order_by("pk")[:ROWS_OF_A_TABLE])
    studies = {study.study_instance_uid: study for study in studies_of(order.facility_id, items)}
    rows: list[list[Any]] = []
    for item in items:
        study = studies.get(item.study_instance_uid)
        named = link_to(study, study_in_words(study)) if study else item.study_instance_uid
        rows.append([named, item.series_instance_uid or _("all"), item.sop_instance_uid or _("all")])
    return Table(_("What it is of"), [_("Study"), _("Series"), _("Image")], rows)


def _wishes(order: Order) -> Table:
    rows: list[list[Any]] = [[label, value] for label, value in KINDS[order.kind].options.told(order.options)]
    for address in order.addresses.filter(facility_id=order.facility_id):
        to = _("erased") if address.erased_at else f"{address.name}\n{address.lines}"
        rows.append([_("Sent to"), to])
    return Table(_("How it is wanted"), [_("What"), _("Value")], rows)


def _lines(order: Order) -> Table:
    rows = [
        [line.get_item_display(), plain(line.quantity), formatted(line.amount, order.currency)]
        for line in order.lines.filter(facility_id=order.facility_id).order_by("pk")
    ]
    return Table(_("Quote"), [_("Item"), _("Quantity"), _("Amount")], rows)


def _steps(order: Order) -> Table:
    found = order.steps.filter(facility_id=order.facility_id).select_related("by").order_by("pk")
    rows = [[minute(step.at), step.get_state_display(), step.by or _("by itself"), step.note] for step in found]
    return Table(_("What happened"), [_("At"), _("State"), _("By"), _("Note")], rows)


def _messages(order: Order) -> Table:
    found = order.messages.filter(facility_id=order.facility_id).select_related("by").order_by("pk")
    rows = [
        [minute(each.at), _("center") if each.is_from_center else _("facility"), each.by or _("a program"), each.text]
        for each in found
    ]
    return Table(_("Messages"), [_("At"), pgettext("sender", "From"), _("By"), _("Message")], rows)


def _outputs(order: Order) -> Table:
    rows = [
        [
            output.number,
            minute(output.started_at),
            output.attempts,
            minute(output.made_at),
            filesizeformat(output.size_bytes) if output.made_at else "-",
            bytes(output.sha256).hex() if output.sha256 else "-",
            minute(output.erased_at),
        ]
        for output in order.outputs.filter(facility_id=order.facility_id).order_by("number")
    ]
    headers = [_("Number"), _("Wanted"), _("Attempts"), _("Produced and checked"), _("Size"), _("SHA-256"), _("Erased")]
    return Table(_("Productions"), headers, rows)


def _faults(order: Order) -> list[Table]:
    """Of the latest production, and of the latest delivery to a node."""
    produced = latest().filter(facility_id=order.facility_id, order=order)
    found = Fault.objects.filter(facility_id=order.facility_id, output__in=produced).order_by("pk")
    rows = [[each.sop_instance_uid, each.why] for each in found[:ROWS_OF_A_TABLE]]
    delivery = delivery_of(order)
    refused = refusals_of(delivery)[: ROWS_OF_A_TABLE - len(rows)] if delivery else []
    rows += [[each.sop_instance_uid, in_words(each.status)] for each in refused]
    return [Table(_("Images that did not go through"), [_("SOP Instance UID"), _("Why")], rows)] if rows else []


def _media(order: Order) -> list[Table]:
    """What the output of media holds: images of discs, contents of sticks, labels."""
    address = reverse("admin:orders_order_fetch", args=[order.pk])
    rows: list[list[Any]] = [
        [link(f"{address}?{urlencode({'part': name})}", name), filesizeformat(size)]
        for name, (_start, size) in _parts(order).items()
    ]
    return [Table(_("Media"), [_("File"), _("Size")], rows)] if rows else []


def _parts(order: Order) -> dict[str, tuple[int, int]]:
    """Where in the output of media each part of it lies, and its length."""
    output = made_output(order) if order.kind == OrderKind.MEDIUM else None
    if output is None:
        return {}
    with opened(output) as file:
        return members(file)


def _links(order: Order) -> list[Table]:
    rows: list[list[Any]] = [
        [
            minute(link.made_at),
            link.made_by or _("a program"),
            link.downloads_left,
            link.refusals,
            minute(link.locked_at),
            minute(link.revoked_at),
        ]
        for link in order.links.filter(facility_id=order.facility_id).select_related("made_by").order_by("pk")
    ]
    headers = [_("Made"), _("By"), _("Downloads left"), _("Refusals"), _("Locked"), _("Ended")]
    return [Table(_("Share links"), headers, rows)] if rows else []


def _deliveries(order: Order) -> list[Table]:
    found = order.deliveries.filter(facility_id=order.facility_id).select_related("order__facility", "node")
    rows = [
        [each.number, each.node.destination, minute(each.wanted_at), told(standing_of(each)), minute(each.next_at),
         minute(each.ended_at), each.problem or "-"]
        for each in found.order_by("number")
    ]  # fmt: skip
    headers = [
        _("Number"),
        _("Node"),
        _("Wanted"),
        _("So far"),
        pgettext("attempt", "Next"),
        _("Delivered"),
        _("Problem"),
    ]
    return [Table(_("Deliveries"), headers, rows)] if rows else []
