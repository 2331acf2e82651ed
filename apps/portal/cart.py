"""What is chosen for an order, kept in the session until it is quoted: studies, series, single images."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.models import User
from apps.catalog.models import Instance, Series, Study
from apps.catalog.search import matching_studies
from apps.core.errors import DomainError
from apps.core.money import formatted
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Facility, Role
from apps.orders.choosing import MOST_CHOSEN, Choice, instances_of, studies_of, without_covered
from apps.orders.errors import InvalidOptions, NothingChosen
from apps.orders.kinds import KINDS
from apps.orders.models import Order, OrderKind
from apps.orders.options import Options
from apps.orders.ordering import draw_up, estimate
from apps.portal.looks import list_studies
from apps.portal.numbers import whole_number, whole_numbers
from apps.portal.shown_sheets import shown_sheets
from apps.portal.study_search import StudySearchForm, as_form_data, kept_search

NORMAL, URGENT = "normal", "urgent"
_UIDS = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to have what is chosen. `speed`: what the form sends."""

    speed: str
    price: str
    ready_at: datetime


@facility_door(role=Role.MEMBER)
@require_http_methods(["GET", "HEAD", "POST"])
def cart(request: FacilityRequest) -> HttpResponse:
    """What is chosen, what it would cost in which form and when it would be ready; posted, it is quoted.

    Wishes are posted for the price too, with `preview` or by htmx: an address does not belong into a URL.
    """
    choices, now, given = kept(request), timezone.now(), request.POST
    kinds = [OrderKind(each) for each, how in KINDS.items() if choices or not how.options.needs_choices]
    asked = given.get("kind") or request.GET.get("kind")
    kind = OrderKind(asked) if asked in kinds else kinds[0]
    options = KINDS[kind].options(request.facility, given.dict(), has_choices=bool(choices))
    is_preview = "preview" in given or "HX-Request" in request.headers
    if request.method == "POST" and not is_preview and options.is_valid():
        return _quoted(request, kind, choices, options, now)
    offers, fault, refusal = _offers(request.facility, kind, choices, options, now)
    sheets = shown_sheets(request.facility, kind, choices, options, first=given.get("preview", "")) if offers else None
    chosen = list(describe(request.facility.pk, choices))
    list_studies(request, len({study.pk for _choice, study, _part in chosen}))
    notes = options.notes(instances_of(request.facility.pk, choices)) if offers else []
    context = {
        "chosen": chosen, "offers": offers, "fault": fault, "refusal": refusal, "notes": notes, "options": options,
        "kind": kind, "kinds": kinds, "speed": given.get("speed", NORMAL), "sheets": sheets,
    }  # fmt: skip
    return render(request, "portal/cart.html", context)


def _quoted(
    request: FacilityRequest, kind: OrderKind, choices: list[Choice], options: Options, now: datetime
) -> HttpResponse:
    """Have it drawn up; or, with nothing done, say why not."""
    user, speed = request.user, request.POST.get("speed")
    try:
        if speed not in (NORMAL, URGENT) or request.POST.get("kind") != kind:
            raise NothingChosen(_("Choose how you want it."))
        order = draw_up(
            request.facility, kind, choices, options=options, is_urgent=speed == URGENT, actor=request.actor, now=now,
            by=user if isinstance(user, User) else None,
        )  # fmt: skip
    except DomainError as error:
        messages.error(request, error.message)
        return _to_cart(request)
    keep(request, [])
    return redirect("portal:order", facility_slug=request.facility.slug, order_id=order.pk)


@facility_door(role=Role.MEMBER)
@require_POST
def choose(request: FacilityRequest) -> HttpResponse:
    """Add studies (`chosen`, many, or `all_found`: all of a search by its key), or a series, or an image, by their ids;
    ids of others are as if not given.
    """
    return _chosen(request, [*_studies(request), *_found(request), *_series(request), *_images(request)])


@facility_door(role=Role.MEMBER)
@require_POST
def again(request: FacilityRequest, order_id: int) -> HttpResponse:
    """Choose what an order was of, as far as it is stored still, in the same form."""
    order = get_object_or_404(Order, facility=request.facility, pk=order_id)
    if not KINDS[order.kind].options.needs_choices:
        return _to_cart(request, order.kind)
    uids = order.items.filter(facility=request.facility).order_by("pk").values_list(*_UIDS)[: MOST_CHOSEN + 1]
    choices = [Choice(*each) for each in uids]
    stored = set(studies_of(request.facility.pk, choices).values_list("study_instance_uid", flat=True))
    return _chosen(request, [each for each in choices if each.study_instance_uid in stored], order.kind)


def _chosen(request: FacilityRequest, added: list[Choice], kind: str = "") -> HttpResponse:
    choices = without_covered([*kept(request), *added])
    if not added:
        messages.error(request, _("Nothing of it is stored any more.") if kind else _("Choose something first."))
    elif len(choices) > MOST_CHOSEN:
        messages.error(request, _("That is too much for one order. Make two."))
    else:
        keep(request, choices)
    return _to_cart(request, kind)


def _to_cart(request: FacilityRequest, kind: str = "") -> HttpResponse:
    address = reverse("portal:cart", kwargs={"facility_slug": request.facility.slug})
    return redirect(f"{address}?kind={kind}" if kind else address)


@facility_door(role=Role.MEMBER)
@require_POST
def take_away(request: FacilityRequest) -> HttpResponse:
    """Remove one of the choices, by its number, or all."""
    number, choices = whole_number(request.POST.get("number", "")), kept(request)
    keep(request, [] if number is None else choices[:number] + choices[number + 1 :])
    return _to_cart(request)


def kept(request: FacilityRequest) -> list[Choice]:
    """What is chosen in this facility and session."""
    return [Choice(*uids) for uids in request.session.get(_key(request), [])]


def keep(request: FacilityRequest, choices: list[Choice]) -> None:
    """Keep what is chosen."""
    request.session[_key(request)] = [
        [each.study_instance_uid, each.series_instance_uid, each.sop_instance_uid] for each in choices
    ]


def describe(facility_id: int, choices: list[Any]) -> list[tuple[Any, Study, str]]:
    """Each choice that is there, with its study and, where it is not the whole of it, which part."""
    studies = {each.study_instance_uid: each for each in studies_of(facility_id, choices).select_related("patient")}
    uids = [each.series_instance_uid for each in choices if each.series_instance_uid]
    found = Series.objects.filter(facility_id=facility_id, series_instance_uid__in=uids)
    series = {each.series_instance_uid: each for each in found}
    images = [each.sop_instance_uid for each in choices if each.sop_instance_uid]
    rows = Instance.objects.filter(facility_id=facility_id, sop_instance_uid__in=images)
    numbers = dict(rows.values_list("sop_instance_uid", "instance_number"))
    described = []
    for each in choices:
        if study := studies.get(each.study_instance_uid):
            part = _part(series.get(each.series_instance_uid), each, numbers)
            described.append((each, study, part))
    return described


def _part(series: Series | None, choice: Any, numbers: dict[str, int | None]) -> str:
    if series is None:
        return ""
    name = series.series_description or series.modality or _("Series")
    if not choice.sop_instance_uid:
        return _("series %(name)s") % {"name": name}
    return _("image %(number)s of %(name)s") % {"number": numbers.get(choice.sop_instance_uid) or "?", "name": name}


def _offers(
    facility: Facility, kind: OrderKind, choices: list[Choice], options: Options, now: datetime
) -> tuple[list[Offer], str, str]:
    """Normal and urgent; or why there is none, whatever is chosen; or why not with these options."""
    try:
        quotes = estimate(facility, kind, choices, options=options, now=now)
    except NothingChosen:
        return [], "", ""
    except InvalidOptions as error:
        return [], "", "" if options.errors else error.message
    except DomainError as error:
        return [], error.message, ""
    offers = [
        Offer(
            URGENT if quote.is_urgent else NORMAL, formatted(quote.amount, quote.currency),
            now + timedelta(hours=quote.ready_hours),
        )
        for quote in quotes
    ]  # fmt: skip
    return offers, "", ""


def _studies(request: FacilityRequest) -> list[Choice]:
    wanted = whole_numbers(request.POST.getlist("chosen"))[: MOST_CHOSEN + 1]
    found = Study.objects.filter(facility=request.facility, pk__in=wanted).order_by("-sort_date", "-pk")
    return [Choice(uid) for uid in found.values_list("study_instance_uid", flat=True)]


def _found(request: FacilityRequest) -> list[Choice]:
    """Of all that a search finds one more than can be chosen, at most."""
    if "all_found" not in request.POST:
        return []
    form = StudySearchForm(as_form_data(kept_search(request, request.POST["all_found"])))
    if not form.is_valid():
        return []
    found = matching_studies(request.facility.pk, form.criteria())[: MOST_CHOSEN + 1]
    return [Choice(study.study_instance_uid) for study in found]


def _series(request: FacilityRequest) -> list[Choice]:
    found = Series.objects.filter(facility=request.facility, pk=whole_number(request.POST.get("series", "")) or 0)
    return [Choice(*uids) for uids in found.values_list("study__study_instance_uid", "series_instance_uid")]


def _images(request: FacilityRequest) -> list[Choice]:
    found = Instance.objects.filter(facility=request.facility, pk=whole_number(request.POST.get("image", "")) or 0)
    named = found.values_list("series__study__study_instance_uid", "series__series_instance_uid", "sop_instance_uid")
    return [Choice(*uids) for uids in named]


def _key(request: FacilityRequest) -> str:
    return f"cart/{request.facility.pk}"
