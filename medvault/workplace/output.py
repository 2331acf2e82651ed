"""Orders by due time, messages that wait for an answer, printers and deliveries that do not go on."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.admin import list_of, page_of
from apps.orders.models import Delivery, Message, Order, Printer, PrintJob, State
from medvault.workplace import waiting
from medvault.workplace.queues import Act, Named, Queue, Row, act, open_page

MAY = "orders.change_order"
WORDS = 80


def queues(now: datetime) -> list[Queue]:
    """The output's queues."""
    return [_orders(now), _messages(), _printing(), _deliveries()]


def _orders(now: datetime) -> Queue:
    def row(order: Order) -> Row:
        about = [order.get_kind_display(), order.get_state_display()]
        about += [_("urgent")] if order.is_urgent else []
        about += [str(order.accepted_by)] if order.accepted_by else []
        about += [order.problem] if order.problem else []
        return Row(
            title=order, href=page_of(order), facility=order.facility, about=", ".join(map(str, about)),
            since=order.requested_at, due=order.due_at, is_late=order.due_at is not None and order.due_at < now,
            acts=_next(order),
        )  # fmt: skip

    named = Named("orders", gettext_lazy("Orders"), "outbox", list_of(Order),
                  gettext_lazy("Every order is on its way."))  # fmt: skip
    return named.of(waiting.orders().select_related("facility", "accepted_by"), row)


def _next(order: Order) -> list[Act]:
    """What brings an order on."""
    if order.state == State.REQUESTED:
        return [act(_("Claim"), order, "accept", MAY)]
    if order.state == State.ACCEPTED:
        return [act(_("Produce"), order, "start_production", MAY)]
    if order.state == State.READY:
        return [open_page(_("Check and dispatch"), order)]
    return [open_page(_("Open"), order)]


def _messages() -> Queue:
    def row(message: Message) -> Row:
        text = message.text if len(message.text) <= WORDS else f"{message.text[:WORDS]}…"
        return Row(
            title=message.order, href=page_of(message.order), facility=message.facility, about=text,
            since=message.at, acts=[act(_("Answer"), message.order, "write", MAY)],
        )  # fmt: skip

    named = Named("messages", gettext_lazy("Messages without an answer"), "chat", list_of(Order, queue="all"),
                  gettext_lazy("Every message of a facility was answered."))  # fmt: skip
    return named.of(waiting.unanswered().select_related("facility", "order"), row)


def _printing() -> Queue:
    def stopped(job: PrintJob) -> Row:
        return Row(
            title=job.order, href=page_of(job.order), facility=job.facility, about=f"{job.printer}: {job.problem}",
            since=job.requested_at, is_late=True, acts=[open_page(_("Go on"), job.order)],
        )  # fmt: skip

    def troubled(printer: Printer) -> Row:
        return Row(
            title=printer, href=page_of(printer), about=f"{printer.status}: {printer.status_info}",
            since=printer.looked_at, is_late=printer.status == "FAILURE", acts=[open_page(_("Open"), printer)],
        )  # fmt: skip

    named = Named("printers", gettext_lazy("Printers in trouble"), "print", list_of(Printer),
                  gettext_lazy("Every printer is ready, and nothing has stopped."))  # fmt: skip
    jobs = waiting.stopped_print_jobs().select_related("facility", "order", "printer")[:100]
    return named.of_rows([*map(stopped, jobs), *map(troubled, waiting.troubled_printers())])


def _deliveries() -> Queue:
    def row(delivery: Delivery) -> Row:
        return Row(
            title=delivery.order, href=page_of(delivery.order), facility=delivery.facility,
            about=f"{delivery.node}: {delivery.problem}", since=delivery.wanted_at,
            acts=[open_page(_("Decide"), delivery.order)],
        )  # fmt: skip

    named = Named("deliveries", gettext_lazy("Deliveries that have stopped"), "send_to_mobile", list_of(Order),
                  gettext_lazy("Every node takes what it is sent."))  # fmt: skip
    return named.of(waiting.stopped_deliveries().select_related("facility", "order", "node"), row)
