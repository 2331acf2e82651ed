"""Orders: the list, and the page of one, where it is requested, followed, talked about, fetched and confirmed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import User
from apps.contracts.agreeing import may_order_outputs
from apps.contracts.errors import ContractSuspended
from apps.core.acting import attempt
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.facilities.tenancy import as_facility
from apps.orders.delivering import Standing, delivery_of, standing_of
from apps.orders.errors import NoPassword, NothingOffered
from apps.orders.fetching import as_answer, taken
from apps.orders.kinds import KINDS
from apps.orders.models import ENDED, WAITING, Order, OrderKind, State
from apps.orders.ordered import later_images_of
from apps.orders.ordering import cancel, complete
from apps.orders.ordering import request as request_order
from apps.orders.outputs import offered_output
from apps.orders.passwords import read_password
from apps.orders.progress import arrival_of, progress_of
from apps.orders.talking import write
from apps.portal.cart import describe, kept
from apps.portal.looks import list_studies
from apps.portal.numbers import whole_number
from apps.portal.share import share_of

PAGE, ITEMS = 25, 100
CANCELLABLE = frozenset({State.QUOTED, State.REQUESTED, State.ACCEPTED})


class MessageForm(forms.Form):
    """A message to the center."""

    text = forms.CharField(
        label=gettext_lazy("Message to the center"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )


class EmergencyForm(forms.Form):
    """Why an order cannot wait although outputs are stopped."""

    emergency = forms.CharField(
        label=gettext_lazy("Why it cannot wait"), max_length=300,
        help_text=gettext_lazy("For the center. Please name no patients."),
    )  # fmt: skip


@facility_door()
@require_safe
def order_list(request: FacilityRequest) -> HttpResponse:
    """Newest first; `before` is the id of the last one seen, `show=open` leaves out what has ended."""
    found = Order.objects.filter(facility=request.facility)
    if shows_open := request.GET.get("show") == "open":
        found = found.exclude(state__in=[State.COMPLETED, State.CANCELLED])
    if (before := whole_number(request.GET.get("before", ""))) is not None:
        found = found.filter(pk__lt=before)
    page = list(found.order_by("-pk")[: PAGE + 1])
    context = {
        "orders": page[:PAGE],
        "before": before,
        "older": page[PAGE - 1].pk if len(page) > PAGE else None,
        "show": "open" if shows_open else "",
        "chosen_count": len(kept(request)),
    }
    return render(request, "portal/order_list.html", context)


@facility_door()
@require_safe
def order_page(request: FacilityRequest, order_id: int) -> HttpResponse:
    """What it is of, what it costs, where it stands, what was written. The view is recorded; htmx's asking is not."""
    return _page(request, _order(request, order_id))


def _page(request: FacilityRequest, order: Order, password: str = "") -> HttpResponse:
    listed = list(order.items.filter(facility=request.facility).order_by("pk")[: ITEMS + 1])
    items = describe(request.facility.pk, listed[:ITEMS])
    if not request.headers.get("HX-Request"):
        list_studies(request, len({study.pk for _item, study, _part in items}))
    steps = order.steps.filter(facility=request.facility).select_related("by").order_by("pk")
    written = order.messages.filter(facility=request.facility).select_related("by").order_by("pk")
    context = {
        "order": order,
        "items": items,
        "has_more_items": len(listed) > ITEMS,
        "later_count": 0 if order.state in ENDED else later_images_of(order).count(),
        "wishes": KINDS[order.kind].options.told(order.options),
        "addresses": order.addresses.filter(facility=request.facility, erased_at=None),
        "lines": order.lines.filter(facility=request.facility).order_by("pk"),
        "steps": list(steps),
        "written": list(written),
        "output": offered_output(order, now=timezone.now()) if KINDS[order.kind].is_fetched else None,
        "is_fetched": KINDS[order.kind].is_fetched,
        "has_password": order.state == State.DISPATCHED and order.options.get("is_protected"),
        "password": password,
        "progress": progress_of(order),
        "arrival": arrival_of(order) if order.state == State.DISPATCHED else None,
        "share": share_of(order),
        "sending": _sending(order),
        "is_followed": order.state in WAITING or _is_fetched_by_terminals(order),
        "may_act": request.role is not None and request.role.covers(Role.MEMBER),
        "may_cancel": order.state in CANCELLABLE and order.delivered_at is None,
        "has_ended": order.state in ENDED,
        "waits_because": _waits_because(request) if order.state == State.QUOTED else "",
        "message_form": MessageForm(),
        "emergency_form": EmergencyForm(),
    }
    return render(request, "portal/order.html", context)


@facility_door(role=Role.MEMBER)
@require_POST
def send(request: FacilityRequest, order_id: int) -> HttpResponse:
    """Request an order as it was quoted."""
    order = _order(request, order_id)
    emergency = request.POST.get("emergency", "").strip()
    act = partial(request_order, order, emergency=emergency[:300], **_by(request))
    return _done(request, order, act, _("The center has your order."))


@facility_door(role=Role.MEMBER)
@require_POST
def withdraw(request: FacilityRequest, order_id: int) -> HttpResponse:
    """A quote is given up at once; of an order that is not produced yet a page asks first, and posts it again."""
    order = _order(request, order_id)
    if order.state in {State.REQUESTED, State.ACCEPTED} and "confirmed" not in request.POST:
        return render(request, "portal/order_cancel.html", {"order": order})
    done = _("The quote is given up.") if order.state == State.QUOTED else _("The order is cancelled.")
    return _done(request, order, partial(cancel, order, **_by(request)), done)


@facility_door(role=Role.MEMBER)
@require_POST
def confirm(request: FacilityRequest, order_id: int) -> HttpResponse:
    """Say that it has come."""
    order = _order(request, order_id)
    return _done(request, order, partial(complete, order, **_by(request)), _("Thank you: the order is completed."))


@facility_door(role=Role.MEMBER)
@require_POST
def tell(request: FacilityRequest, order_id: int) -> HttpResponse:
    """Write to the center about an order."""
    order, form = _order(request, order_id), MessageForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Write something, in 2,000 characters at the most."))
        return _back(request, order)
    act = partial(write, order, text=form.cleaned_data["text"], is_from_center=False, **_by(request))
    return _done(request, order, act, _("The center has your message."))


@facility_door(role=Role.MEMBER)
@require_POST
@never_cache
def show_password(request: FacilityRequest, order_id: int) -> HttpResponse:
    """The page with the password of its media."""
    order = _order(request, order_id)
    try:
        return _page(request, order, password=read_password(order, actor=request.actor))
    except NoPassword as error:
        messages.error(request, error.message)
        return _back(request, order)


@facility_door(own_scope=True)
@require_safe
def fetch(request: FacilityRequest, order_id: int) -> HttpResponseBase:
    """The output, in parts where wanted; streamed after the transaction that records it."""
    with as_facility(request.facility):
        order = _order(request, order_id)
        try:
            output = taken(order, actor=request.actor, now=timezone.now())
        except NothingOffered as error:
            raise Http404 from error
    return as_answer(request, order, output)


def _order(request: FacilityRequest, order_id: int) -> Order:
    return get_object_or_404(Order, facility=request.facility, pk=order_id)


def _is_fetched_by_terminals(order: Order) -> bool:
    return order.kind == OrderKind.RESTORE and order.state == State.DISPATCHED and not order.options["node"]


def _sending(order: Order) -> Standing | None:
    """How much of it its node has taken so far."""
    delivery = delivery_of(order) if order.state == State.READY else None
    return standing_of(delivery) if delivery else None


def _waits_because(request: FacilityRequest) -> str:
    """Why new outputs wait, '' where they do not."""
    try:
        may_order_outputs(request.facility.pk)
    except ContractSuspended as error:
        return error.message
    return ""


def _by(request: FacilityRequest) -> dict[str, Any]:
    user = request.user
    assert isinstance(user, User)
    return {"by": user, "actor": request.actor, "now": timezone.now()}


def _done(request: FacilityRequest, order: Order, act: Callable[[], object], done: str) -> HttpResponse:
    attempt(request, act, done=done)
    return _back(request, order)


def _back(request: FacilityRequest, order: Order) -> HttpResponse:
    return redirect("portal:order", facility_slug=request.facility.slug, order_id=order.pk)
