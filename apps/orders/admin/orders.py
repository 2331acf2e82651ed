"""The work queue of outputs: by due time, claimed, produced, dispatched, sent back; and what is written about each."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from mimetypes import guess_type
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.core.acting import attempt
from apps.core.admin import Table, to_page
from apps.core.admin_progress import live
from apps.core.clock import database_now
from apps.core.ranges import in_parts
from apps.facilities.admin import AuditedTenantAdmin
from apps.orders.admin.forms import DispatchForm, MessageForm, ReasonForm
from apps.orders.admin.sheets import SheetActs
from apps.orders.admin.tables import parts_of, tables_of
from apps.orders.delivering import delivery_of, dispatch_taken, standing_of
from apps.orders.kinds import KINDS
from apps.orders.models import WAITING, Order, State
from apps.orders.nodes import node_of
from apps.orders.ordered import later_images_of
from apps.orders.ordering import cancel, complete
from apps.orders.outputs import made_output, pieces
from apps.orders.progress import progress_of
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
        return tables_of(obj)

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
            name, (start, size) = part, parts_of(order).get(part, (0, 0))
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
