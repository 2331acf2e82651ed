"""The pages that put rules into force or end them: what would change comes first, then the confirmation."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from apps.accounts.staff import staff_member
from apps.audit.admin import staff_actor
from apps.catalog.models import Study
from apps.core.acting import attempt
from apps.core.admin import Table, link_to, list_of, page_of
from apps.core.clock import database_now
from apps.core.periods import period_in_words
from apps.retention.admin.rule_forms import ConfirmForm
from apps.retention.explaining import in_words, missing_in_words
from apps.retention.law import enable, retire
from apps.retention.models import Rule
from apps.retention.preview import MOST, MOST_OF_FACILITY, Change, Effect, Sample, preview_enabling, preview_retiring
from apps.retention.rule_sets import enable_set, set_of, sets

EFFECTS = {
    Effect.LONGER: _("kept longer"),
    Effect.UNKNOWN: _("becomes unknown"),
    Effect.KNOWN: _("newly known"),
    Effect.EARLIER: _("would end earlier, stays kept"),
}


@dataclass(frozen=True, slots=True)
class Act:
    """What is to be confirmed: about which rules, what would change, how it is done and what is said then."""

    title: Any
    button: Any
    rules: Sequence[Rule]
    preview: Callable[[], list[Change]]
    carry_out: Callable[[str], object]
    done: Any
    back: str
    needs_statement: bool = True


def enabling_page(site: AdminSite, request: HttpRequest, rule: Rule) -> HttpResponse:
    """Put one version into force."""

    def carry_out(confirmation: str) -> None:
        enable(rule, by=staff_member(request), actor=staff_actor(request), now=database_now(),
               confirmation=confirmation)  # fmt: skip

    title = _("Put %s into force?") % rule
    done = _("%s is in force. Studies are being assessed again.") % rule
    act = Act(title, _("Put into force"), [rule], lambda: preview_enabling([rule]), carry_out, done, page_of(rule))
    return _page(site, request, act)


def retiring_page(site: AdminSite, request: HttpRequest, rule: Rule) -> HttpResponse:
    """End a rule without another version."""

    def carry_out(_confirmation: str) -> None:
        retire(rule, by=staff_member(request), actor=staff_actor(request), now=database_now())

    done = _("%s is retired. What is kept because of it stays kept.") % rule
    act = Act(_("Retire %s?") % rule, _("Retire"), [rule], lambda: preview_retiring(rule), carry_out, done,
              page_of(rule), needs_statement=False)  # fmt: skip
    return _page(site, request, act)


def set_page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Put the checked rules of a jurisdiction into force; first, which jurisdiction."""
    place = request.GET.get("jurisdiction", "")
    if place not in (places := sets()):
        context = site.each_context(request) | {"title": _("Enable a set"), "places": places.items()}
        return TemplateResponse(request, "admin/retention/sets.html", context)
    shown = {int(key) for key in request.POST.getlist("shown") if key.isdecimal() and len(key) < 19}

    def carry_out(_confirmation: str) -> None:
        enable_set(place, shown=shown, by=staff_member(request), actor=staff_actor(request), now=database_now())

    rules = set_of(place)
    title, done = _("Put the set of %s into force?") % place, _("The set of %s is in force.") % place
    act = Act(title, _("Put all of them into force"), rules, lambda: preview_enabling(rules), carry_out, done,
              list_of(Rule, jurisdiction=place))  # fmt: skip
    return _page(site, request, act)


def _page(site: AdminSite, request: HttpRequest, act: Act) -> HttpResponse:
    is_sent = request.method == "POST"
    form = ConfirmForm(request.POST if is_sent else None, rules=act.rules if act.needs_statement else [])
    if is_sent and form.is_valid():
        confirmation = form.cleaned_data.get("confirmation", "")
        attempt(request, lambda: act.carry_out(confirmation), done=act.done)
        return redirect(act.back)
    changes = act.preview()
    context = site.each_context(request) | {
        "title": act.title,
        "act": act,
        "form": form,
        "law": _law(act.rules),
        "figures": _figures(changes),
        "by_facility": _by_facility(changes),
        "samples": _samples(changes),
        "over": sum(change.over for change in changes),
        "is_cut": any(change.is_cut for change in changes),
        "most": MOST,
        "most_of_facility": MOST_OF_FACILITY,
    }
    return TemplateResponse(request, "admin/retention/preview.html", context)


def _law(rules: Iterable[Rule]) -> Table:
    rows = [
        [link_to(rule), ", ".join(rule.jurisdictions), says(rule), rule.citation, rule.get_confidence_display()]
        for rule in rules
    ]
    return Table(_("Rules"), [_("Rule"), _("Jurisdictions"), _("Says"), _("Citation"), _("Confidence")], rows)


def says(rule: Rule) -> str:
    """Period and beginning in words; the clauses stand on the rule's page."""
    words = {"period": period_in_words(rule.period), "start": rule.get_start_display()}
    return str(_("%(period)s from %(start)s") % words)


def _figures(changes: list[Change]) -> list[tuple[Any, str]]:
    def total(effect: Effect) -> str:
        return intcomma(sum(change.effects[effect] for change in changes))

    return [
        (_("Studies looked at"), intcomma(sum(change.studies for change in changes))),
        (_("Bound by it"), intcomma(sum(change.bound for change in changes))),
        (_("Kept longer"), total(Effect.LONGER)),
        (_("Become unknown"), total(Effect.UNKNOWN)),
        (_("Newly known"), total(Effect.KNOWN)),
        (_("Could end earlier"), total(Effect.EARLIER)),
    ]


def _by_facility(changes: list[Change]) -> Table:
    shown = (Effect.LONGER, Effect.UNKNOWN, Effect.KNOWN, Effect.EARLIER)
    rows = [
        [
            link_to(change.facility),
            intcomma(change.studies) + (str(_(", not all")) if change.is_cut else ""),
            intcomma(change.bound),
            *(intcomma(change.effects[effect]) for effect in shown),
        ]
        for change in changes
    ]
    headers = [_("Facility"), _("Studies"), _("Bound"), _("Longer"), _("Unknown"), _("Known"), _("Earlier")]
    return Table(_("By facility"), headers, rows)


def _samples(changes: list[Change]) -> Table:
    found = [sample for change in changes for sample in change.samples]
    uids = dict(Study.objects.filter(pk__in=[each.study_id for each in found]).values_list("pk", "study_instance_uid"))
    rows = [
        [
            link_to(Study(pk=each.study_id), uids.get(each.study_id, "")),
            each.facility,
            EFFECTS[each.effect],
            _end(each, is_then=False),
            _end(each, is_then=True),
        ]
        for each in found
    ]
    return Table(_("Some of the studies"), [_("Study"), _("Facility"), _("Effect"), _("Now"), _("Then")], rows)


def _end(sample: Sample, *, is_then: bool) -> str:
    until, missing = (
        (sample.until_then, sample.missing_then) if is_then else (sample.until_now, sample.missing_now)
    )  # fmt: skip
    if until:
        return in_words(until)
    return str(_("unknown: %s") % "; ".join(missing_in_words(list(missing))))
