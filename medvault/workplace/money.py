"""Drafts, what is parked or overdue, money that is not known what for, disputes."""

from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.models import BankTransaction, Invoice, WebhookEvent
from apps.billing.models.invoices import State
from apps.core.admin import list_of, page_of
from apps.core.money import formatted
from medvault.workplace import waiting
from medvault.workplace.queues import Act, Named, Queue, Row, act

MAY, MAY_ASSIGN, MAY_APPLY = "billing.change_invoice", "billing.change_banktransaction", "billing.change_webhookevent"


def queues(now: datetime) -> list[Queue]:
    """The billing's queues."""
    return [_parked(), _drafts(), _overdue(now), _transfers(), _disputes()]


def _parked() -> Queue:
    named = Named("parked", gettext_lazy("Parked invoices"), "pause_circle",
                  list_of(Invoice, state__exact=State.PARKED.value),
                  gettext_lazy("Nothing was odd about any month."))  # fmt: skip
    return named.of(_invoices(State.PARKED), lambda each: _row(each, each.parked_because, "release", _("Release")))


def _drafts() -> Queue:
    named = Named("drafts", gettext_lazy("Drafts to finalize"), "edit_document", reverse("admin:billing_run"),
                  gettext_lazy("Every invoice is final."))  # fmt: skip
    return named.of(_invoices(State.DRAFT), lambda each: _row(each, "", "finalize", _("Finalize")))


def _overdue(now: datetime) -> Queue:
    def row(invoice: Invoice) -> Row:
        day = invoice.due_on
        return Row(
            title=invoice, href=page_of(invoice), facility=invoice.facility,
            about=formatted(invoice.gross, invoice.currency), since=invoice.finalized_at, due=day,
            is_late=day is not None and day < now.date(),
            acts=[Act(_("Credit"), reverse("admin:billing_invoice_credit", args=[invoice.pk]), MAY, is_dialog=False)],
        )  # fmt: skip

    named = Named("overdue", gettext_lazy("Overdue invoices"), "event_busy",
                  list_of(Invoice, state__exact=State.OVERDUE.value),
                  gettext_lazy("Everything that was due is paid."))  # fmt: skip
    return named.of(_invoices(State.OVERDUE), row)


def _invoices(state: State) -> QuerySet[Invoice]:
    return waiting.invoices(state).select_related("facility")


def _row(invoice: Invoice, about: str, name: str, title: str) -> Row:
    told = [date_format(invoice.period, "YEAR_MONTH_FORMAT"), formatted(invoice.gross, invoice.currency), about]
    return Row(
        title=f"#{invoice.pk}", href=page_of(invoice), facility=invoice.facility, about=", ".join(filter(None, told)),
        since=invoice.drafted_at, acts=[act(title, invoice, name, MAY)],
    )  # fmt: skip


def _transfers() -> Queue:
    def row(transfer: BankTransaction) -> Row:
        about = ", ".join(filter(None, (formatted(transfer.amount, transfer.currency), transfer.payer)))
        return Row(
            title=f"#{transfer.pk}", href=page_of(transfer), about=about, since=transfer.imported_at,
            acts=[act(_("Assign"), transfer, "assign", MAY_ASSIGN)],
        )  # fmt: skip

    named = Named("transfers", gettext_lazy("Transfers that wait"), "account_balance",
                  list_of(BankTransaction, assigned="no"),
                  gettext_lazy("Every transfer is assigned."))  # fmt: skip
    return named.of(waiting.unassigned_transfers(), row)


def _disputes() -> Queue:
    def row(event: WebhookEvent) -> Row:
        acts = [act(_("Apply again"), event, "apply_again", MAY_APPLY)] if event.applied_at is None else []
        return Row(
            title=event.object_id, href=page_of(event), about=event.problem or event.kind, since=event.received_at,
            is_late=bool(event.problem), acts=acts,
        )  # fmt: skip

    named = Named("disputes", gettext_lazy("Disputes, and what could not be applied"), "credit_card_off",
                  list_of(WebhookEvent),
                  gettext_lazy("No card payment is disputed."))  # fmt: skip
    return named.of(waiting.disputes(), row)
