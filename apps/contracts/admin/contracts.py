"""Contracts: the list by state and facility, what each says now, and the acts on it."""

from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.accounts.staff import staff_member
from apps.contracts.admin.amending import amending_page, drafting_page
from apps.contracts.admin.forms import DraftForm, NoticeForm, TermsForm
from apps.contracts.agreeing import activate, give_notice, resume, suspend, today_of, version_of, withdraw_notice
from apps.contracts.models import Contract, ContractVersion, State
from apps.contracts.wording import prices, promises, terms
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to
from apps.core.clock import database_now
from apps.facilities.admin import AuditedTenantAdmin
from apps.tiers.models import tier_name

MAY = "contracts.change_contract"
AMENDABLE = {State.DRAFT, State.ACTIVE, State.SUSPENDED, State.TERMINATING}


def dialog(title: Any, description: Any, button: Any, form: type[BaseDialogForm] = BaseDialogForm) -> dict[str, Any]:
    return {"title": title, "description": description, "form_class": form, "form_submit_text": button}


class ContractAdmin(AuditedTenantAdmin):
    """Registered in retention, which knows what is still stored when a contract is to be closed."""

    list_display = ("number", "facility", "state", "tier", "currency", "starts_on", "ends_on", "suspended_at")
    list_filter = ("state", ("facility", RelatedDropdownFilter))
    fields = (
        "facility", ("state", "currency"), ("starts_on", "ends_on", "notice_on"),
        ("created_at", "activated_at"), ("suspended_at", "suspended_by"), ("returned_at", "ended_at"),
    )  # fmt: skip
    actions_detail = ("amend", "activate", "suspend", "resume", "give_notice", "withdraw_notice")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contract]:
        latest = ContractVersion.objects.agreed().filter(facility_id=OuterRef("facility_id"), contract=OuterRef("pk"))
        begun = latest.filter(effective_from__lte=database_now().date()) | latest.filter(number=1)
        named = begun.order_by("-number").values_list(tier_name("tier_version__tier"))
        found: QuerySet[Contract] = super().get_queryset(request)
        return found.annotate(tier_name=Subquery(named[:1]))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("contracts.add_contract")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return drafting_page(self.admin_site, request, self._form_class(request, DraftForm))

    def offers(self, act: str, obj: Contract) -> bool:
        state, is_over = State(obj.state), obj.ends_on is not None and obj.ends_on <= today_of(obj, database_now())
        return {
            "amend": state in AMENDABLE and not is_over,
            "activate": state == State.DRAFT,
            "suspend": state in {State.ACTIVE, State.TERMINATING} and not obj.is_suspended,
            "resume": obj.is_suspended,
            "give_notice": state in {State.ACTIVE, State.SUSPENDED},
            "withdraw_notice": state == State.TERMINATING and not is_over and not obj.is_suspended,
        }[act]

    def tables(self, obj: Contract) -> list[Table]:
        today = today_of(obj, database_now())
        governing = version_of(obj, on=max(today, obj.starts_on))
        return [_versions_table(obj), *(_terms_tables(governing) if governing else [])]

    @display(description=_("contract"), ordering="pk")  # type: ignore[untyped-decorator]
    def number(self, obj: Contract) -> str:
        return str(obj)

    @display(description=_("tier"))  # type: ignore[untyped-decorator]
    def tier(self, obj: Any) -> str:
        return obj.tier_name or str(_("waits for approval"))

    @action(description=_("Amend"), icon="edit_document", permissions=[MAY])  # type: ignore[untyped-decorator]
    def amend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contract = self.found(request, object_id)
        return amending_page(self.admin_site, request, contract, self._form_class(request, TermsForm))

    @action(  # type: ignore[untyped-decorator]
        description=_("Activate"), icon="play_arrow", permissions=[MAY],
        dialog=dialog(_("Put this contract into force?"), _("It governs from its start on."), _("Activate")),
    )  # fmt: skip
    def activate(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        act = partial(activate, by=staff_member(request))
        return self.act_on(request, object_id, act, done=_("The contract is in force."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Suspend"), icon="pause", permissions=[MAY],
        dialog=dialog(_("Stop new outputs?"), _("Collection, storage and emergencies go on."), _("Suspend")),
    )  # fmt: skip
    def suspend(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        act = partial(suspend, by=staff_member(request))
        return self.act_on(request, object_id, act, done=_("New outputs wait from now on."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Resume"), icon="resume", permissions=[MAY],
        dialog=dialog(_("Let outputs go on?"), _("Notice that was given stands."), _("Resume")),
    )  # fmt: skip
    def resume(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self.act_on(request, object_id, resume, done=_("Outputs go on."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Notice was given"), icon="event_busy", permissions=[MAY],
        dialog=dialog(_("When was notice given?"), _("The contract ends after its minimum term and notice period, and "
                       "not before tomorrow."), _("Record the notice"), NoticeForm),
    )  # fmt: skip
    def give_notice(self, request: HttpRequest, form: NoticeForm, object_id: str) -> HttpResponse:
        act = partial(give_notice, on=form.cleaned_data["on"], by=staff_member(request))
        return self.act_on(request, object_id, act, done=_("The notice is recorded; see below when the contract ends."))

    @action(  # type: ignore[untyped-decorator]
        description=_("Withdraw the notice"), icon="undo", permissions=[MAY],
        dialog=dialog(_("Let the contract go on?"), _("As if no notice had been given."), _("Withdraw the notice")),
    )  # fmt: skip
    def withdraw_notice(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        act = partial(withdraw_notice, by=staff_member(request))
        return self.act_on(request, object_id, act, done=_("The contract goes on."))

    def _form_class(self, request: HttpRequest, form: type[TermsForm]) -> Any:
        """The form with the workplace's fields."""
        pages = self.admin_site.get_model_admin(ContractVersion)
        return pages.get_form(request, fields=form.Meta.fields, form=form)


def _versions_table(contract: Contract) -> Table:
    found = contract.versions.order_by("-number").select_related(
        "tier_version__tier", "price_list", "agreed_by", "approved_by", "signature"
    )
    rows = [
        [
            link_to(each),
            each.effective_from,
            each.tier_version,
            each.price_list.effective_from,
            each.agreed_by or "-",
            _approval(each),
            each.signature.name if hasattr(each, "signature") else "-",
        ]
        for each in found[:ROWS_OF_A_TABLE]
    ]
    headers = [_("Version"), _("Governs from"), _("Tier"), _("Prices of"), _("Agreed by"), _("Approved"), _("Signed")]
    return Table(_("Versions"), headers, rows)


def _approval(version: ContractVersion) -> Any:
    if version.approved_by:
        return version.approved_by
    return _("needs none") if version.is_agreed else _("waits for approval")


def _terms_tables(version: ContractVersion) -> list[Table]:
    parts = ((_("What the center promises"), promises(version.tier_version)), (_("Prices"), prices(version.price_list)),
             (_("Terms"), terms(version)))  # fmt: skip
    title = _("%(part)s, by version %(number)s")
    headers = [_("Term"), _("Agreed")]
    return [
        Table(title % {"part": part, "number": version.number}, headers, [list(line) for line in lines])
        for part, lines in parts
    ]
