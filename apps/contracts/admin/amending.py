"""The pages that draw a contract up and that amend it: what would change comes first, then it is agreed on."""

from collections.abc import Callable
from hashlib import sha256

from django.contrib.admin import AdminSite
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.contracts.admin.forms import DraftForm, TermsForm
from apps.contracts.agreeing import TERMS, amend, draft
from apps.contracts.models import Contract
from apps.contracts.wording import Difference, differences
from apps.core.acting import attempt
from apps.core.admin import Table, list_of, page_of
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.tiers.models import PriceList

_TEMPLATE = "admin/contracts/terms.html"


def drafting_page(site: AdminSite, request: HttpRequest, form_class: type[DraftForm]) -> HttpResponse:
    """Draw up a contract."""
    now = database_now()
    form = form_class(request.POST or None, initial={"effective_from": now.date(), "facility": _key(request)})
    _offer(form)
    made: list[Contract] = []
    if form.is_valid():
        facts = {"facility": form.cleaned_data["facility"], "starts_on": form.cleaned_data["effective_from"]}

        def act() -> None:
            by, actor = staff_member(request), staff_actor(request)
            made.append(draft(**facts, **form.agreed(), by=by, actor=actor, now=now))

        if _carried_out(form, act):
            attempt(request, lambda: None, done=_("It is drawn up. It is in force once it is activated."))
            return redirect(page_of(made[0]))
    context = {"title": _("Draw up a contract"), "form": form, "button": _("Draw up"), "back": list_of(Contract)}
    return TemplateResponse(request, _TEMPLATE, site.each_context(request) | context)


def amending_page(
    site: AdminSite, request: HttpRequest, contract: Contract, form_class: type[TermsForm]
) -> HttpResponse:
    """Amend a contract: the terms as they are, then what changes, then it is done."""
    now, before = database_now(), contract.versions.order_by("number").select_related("price_list").last()
    assert before
    begun = {name: getattr(before, name) for name in TERMS} | {
        "price_list": before.price_list_id, "effective_from": max(now.date(), contract.starts_on),
    }  # fmt: skip
    form = form_class(request.POST or None, initial=begun)
    _offer(form, contract.currency, before.price_list)
    told: list[Difference] = []

    def act() -> None:
        by, actor = staff_member(request), staff_actor(request)
        made = amend(contract, effective_from=form.cleaned_data["effective_from"], **form.agreed(), by=by, actor=actor,
                     now=now)  # fmt: skip
        told[:] = differences(before, made)

    seen = ""
    if form.is_valid() and _carried_out(form, act, is_trial=True):
        seen = _digest(form, told)
        if form.cleaned_data["seen"] == seen:
            attempt(request, act, done=_("The contract is amended."))
            return redirect(page_of(contract))
    context = {
        "title": _("Amend contract %s") % contract,
        "form": form,
        "seen": seen,
        "changes": _table(told, form) if seen else None,
        "button": _("Agree on this") if seen else _("Show what changes"),
        "back": page_of(contract),
    }
    return TemplateResponse(request, _TEMPLATE, site.each_context(request) | context)


def _carried_out(form: TermsForm, act: Callable[[], None], *, is_trial: bool = False) -> bool:
    """Whether the act went through; what refused it stands in the form. A trial leaves nothing behind."""
    try:
        with transaction.atomic():
            act()
            transaction.set_rollback(is_trial)
    except DomainError as error:
        form.add_error(None, error.message)
        return False
    return True


def _offer(form: TermsForm, currency: str = "", before: PriceList | None = None) -> None:
    """Price lists to choose from: of tiers that are offered still, and the one that the contract has."""
    lists = PriceList.objects.select_related("tier_version__tier").order_by(
        "tier_version__tier__position", "-tier_version__number", "currency", "-effective_from"
    )
    today = database_now().date()
    found = lists.exclude(tier_version__offered_until__lt=today)
    if before:
        found = (found.filter(currency=currency) | lists.filter(pk=before.pk)).distinct()
    form.fields["price_list"].queryset = found  # type: ignore[attr-defined]


def _table(told: list[Difference], form: TermsForm) -> Table:
    title = _("What changes from %s on") % form.cleaned_data["effective_from"]
    return Table(title, [_("Term"), _("Now"), _("Then")], [list(each) for each in told])


def _digest(form: TermsForm, told: list[Difference]) -> str:
    return sha256(repr((form.cleaned_data["effective_from"], told)).encode()).hexdigest()


def _key(request: HttpRequest) -> str:
    key = request.GET.get("facility", "")
    return key if key.isdecimal() and len(key) < 19 else ""
