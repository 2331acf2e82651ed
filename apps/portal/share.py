"""An order's share link on the clinic's side: made and shown once, ended, and who came by it."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import qrcode
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from qrcode.image.svg import SvgPathImage

from apps.accounts.models import User
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.models import Role
from apps.facilities.tenancy import as_facility
from apps.orders.errors import NothingOffered
from apps.orders.giving_links import give_link
from apps.orders.models import Order, OrderKind
from apps.orders.sharing import MOST_REFUSALS, history_of, is_alive, link_of, network_of, revoke_link

HAPPENED = {
    "share_link.made": gettext_lazy("Link made"),
    "share_link.opened": gettext_lazy("Opened"),
    "share_link.refused": gettext_lazy("Wrong birth date or code, or the link had ended"),
    "share_link.locked": gettext_lazy("Locked after too many wrong tries"),
    "share_link.downloaded": gettext_lazy("Downloaded"),
    "share_link.revoked": gettext_lazy("Link ended"),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One line of the access record."""

    at: datetime
    what: str
    source: str


def share_of(order: Order) -> dict[str, Any] | None:
    """What the page of a share order shows about its link."""
    if order.kind != OrderKind.SHARE:
        return None
    now, link = timezone.now(), link_of(order)
    return {
        "link": link,
        "is_alive": link is not None and is_alive(link, order, now=now),
        "can_make": order.is_offered and order.offered_until is not None and now < order.offered_until,
        "most_refusals": MOST_REFUSALS,
        "visits": [
            Visit(event.at, str(HAPPENED[event.action]), network_of(event.source_address))
            for event in history_of(order)
        ],
    }  # fmt: skip


@facility_door(role=Role.MEMBER, own_scope=True)
@require_POST
def make(request: FacilityRequest, order_id: int) -> HttpResponse:
    """A new link; the one before ends. Link and code are in this answer and nowhere else."""
    user = request.user
    assert isinstance(user, User)
    with as_facility(request.facility):
        order = get_object_or_404(Order.objects.select_related("facility"), facility=request.facility, pk=order_id)
    try:
        given = give_link(order, by=user, actor=request.actor, now=timezone.now())
    except NothingOffered as error:
        messages.error(request, error.message)
        return _back(request, order)
    return render(request, "portal/share_made.html", {"order": order, "given": given, "qr": qr(given.address)})


@facility_door(role=Role.MEMBER)
@require_POST
def revoke(request: FacilityRequest, order_id: int) -> HttpResponse:
    """End the link at once."""
    order = get_object_or_404(Order, facility=request.facility, pk=order_id)
    revoke_link(order, actor=request.actor, now=timezone.now())
    messages.success(request, _("The link has ended: it opens nothing any more."))
    return _back(request, order)


def qr(text: str) -> str:
    """A QR code of it, as the address of an image."""
    file = BytesIO()
    qrcode.make(text, image_factory=SvgPathImage).save(file)
    return "data:image/svg+xml;base64," + b64encode(file.getvalue()).decode()


def _back(request: FacilityRequest, order: Order) -> HttpResponse:
    return redirect("portal:order", facility_slug=request.facility.slug, order_id=order.pk)
