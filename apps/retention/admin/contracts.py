"""Contracts at their end: what is stored still and until when, and that one is closed once nothing is."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import action
from unfold.forms import BaseDialogForm

from apps.contracts.admin.contracts import MAY, ContractAdmin, dialog
from apps.contracts.agreeing import is_followed, today_of, versions_of
from apps.contracts.models import Contract, State
from apps.contracts.wording import custody
from apps.core.admin import Table
from apps.core.clock import database_now
from apps.core.shown import moment
from apps.retention.winding_up import close, remaining_of


@admin.register(Contract)
class EndingContractAdmin(ContractAdmin):
    """The room of contracts knows nothing of what is stored, so this is said here."""

    actions_detail = (*ContractAdmin.actions_detail, "end")  # type: ignore[assignment]

    def offers(self, act: str, obj: Contract) -> bool:
        if act != "end":
            return super().offers(act, obj)
        is_over = obj.ends_on is not None and obj.ends_on <= today_of(obj, database_now())
        return obj.state == State.TERMINATING and is_over

    def tables(self, obj: Contract) -> list[Table]:
        tables = super().tables(obj)
        return [_remaining_table(obj), *tables] if obj.state == State.TERMINATING else tables

    @action(  # type: ignore[untyped-decorator]
        description=pgettext_lazy("contract", "Close"), icon="done_all", permissions=[MAY],
        dialog=dialog(_("Close this contract?"), _("Once nothing is stored any more, it also closes by itself."),
                      pgettext_lazy("contract", "Close")),
    )  # fmt: skip
    def end(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, close, done=_("The contract has ended."))


def _remaining_table(contract: Contract) -> Table:
    if is_followed(contract):
        return Table(_("The end of the contract"), [_("What"), _("So far")], [[_("Another contract follows"), ""]])
    remaining = remaining_of(contract.facility_id, now=database_now())
    returned = moment(contract.returned_at) if contract.returned_at else _("not confirmed yet")
    rows: list[list[Any]] = [
        [_("Everything returned, confirmed by the facility"), returned],
        [_("Stored still"), f"{remaining.studies} / {filesizeformat(remaining.size_bytes)}"],
        *([_("Must be kept until %d") % year, count] for year, count in remaining.by_year),
        [_("Storage period unknown"), remaining.unknown],
        [_("Held"), remaining.held],
        [_("Storage period has ended"), remaining.over],
        [_("Erased, with certificates"), remaining.erased],
        *([_("After the last day"), custody(version)] for version in versions_of(contract)[-1:]),
    ]
    return Table(_("The end of the contract"), [_("What"), _("So far")], rows)
