"""Share links: how receivers without an account see what an order gave out (docs/security.md, share links).

A link leads to one production of an order and dies with it. Its address holds a token of 256 random bits behind `#`,
where browsers keep it to themselves. It opens to the token, the patient's birth date and a code that is told by another
way.
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac
from ipaddress import ip_network
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import Actor, record
from apps.catalog.models import Instance
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import in_order
from apps.orders.errors import LinkNotOpened, NoDownloadsLeft, NothingOffered
from apps.orders.models import Order, OrderKind, Output, ShareLink, ShareOpening
from apps.orders.ordered import images_of, studies_of_order
from apps.orders.outputs import offered_output
from apps.orders.steps import held
from apps.orders.telling import tell_of_link

DIGITS, DIGITS_WITHOUT_BIRTH_DATE = 8, 12
MOST_REFUSALS = 10
"""Wrong tries from everywhere together; then the link is locked for good."""
OPEN_FOR = timedelta(hours=1)
LISTED = 100


class Made(NamedTuple):
    """A link, and what is shown now and never again."""

    link: ShareLink
    token: str
    code: str


class Opened(NamedTuple):
    """An opening, and the secret of its cookie."""

    opening: ShareOpening
    secret: str


@dataclass(frozen=True, slots=True)
class Shared:
    """What a receiver may see now, and nothing else: the images of one production, and its file."""

    opening: ShareOpening
    link: ShareLink
    output: Output

    @property
    def images(self) -> QuerySet[Instance]:
        """What was produced, too; what came later was not shared."""
        return in_order(images_of(self.link.order))


def make_link(order: Order, *, actor: Actor, now: datetime, by: User | None = None) -> Made:
    """A new link, within the caller's transaction; the one before is void. Raises NothingOffered."""
    current = held(order)
    output = _offered(current, now)
    if output is None:
        raise NothingOffered
    _revoke(current, actor, now)
    birth_date = _birth_date_of(current)
    token, code = secrets.token_urlsafe(32), _random_digits(DIGITS if birth_date else DIGITS_WITHOUT_BIRTH_DATE)
    link = ShareLink.objects.create(
        facility_id=current.facility_id, order=current, production=output.number, token_sha256=_digest(token),
        factors_hmac=_hmac(token, code, birth_date), asks_birth_date=birth_date is not None, made_at=now, made_by=by,
        downloads_left=current.options["downloads"],
    )  # fmt: skip
    _record("made", link, actor, order=current.pk)
    return Made(link, token, code)


def revoke_link(order: Order, *, actor: Actor, now: datetime) -> None:
    """End the order's link at once, within the caller's transaction; again it changes nothing."""
    _revoke(held(order), actor, now)


def link_of(order: Order) -> ShareLink | None:
    """The order's newest link, whatever became of it."""
    return ShareLink.objects.filter(facility_id=order.facility_id, order=order).order_by("-pk").first()


def address_of(token: str) -> str:
    """What the receiver is given. No browser sends what stands behind `#`, and no log holds it."""
    return f"{settings.PUBLIC_URL}{reverse('receiver:entrance')}#{token}"


def contact_of(order: Order) -> str:
    """Where the code is mailed; empty where it is told by telephone, or the address was erased."""
    address = order.addresses.filter(facility_id=order.facility_id).first()
    return address.lines if address else ""


def is_alive(link: ShareLink, order: Order, *, now: datetime) -> bool:
    """Whether the right factors open it."""
    return _leads_to(link, order, now) is not None


def history_of(order: Order) -> QuerySet[Event]:
    """Who came by the order's links, and what became of these, newest first."""
    links = [str(pk) for pk in order.links.filter(facility_id=order.facility_id).values_list("pk", flat=True)]
    found = Event.objects.filter(facility_id=order.facility_id, object_type="share_link", object_id__in=links)
    return found.order_by("-pk")[:LISTED]


def network_of(address: str | None) -> str:
    """Enough of an address to tell visits apart, too little to tell people apart."""
    return str(ip_network(f"{address}/{48 if ':' in address else 24}", strict=False)) if address else ""


def open_link(
    *, token: str, birth_date: date | None, code: str, source_address: str | None, now: datetime
) -> Opened:  # fmt: skip
    """Let a receiver in. A try that fails is counted, wherever it comes from. Raises LinkNotOpened."""
    with as_center():
        link = ShareLink.objects.filter(token_sha256=_digest(token)).first()
    given = _hmac(token, code, birth_date if link is None or link.asks_birth_date else None)
    is_right = compare_digest(given, bytes(link.factors_hmac) if link else bytes(32))
    if link is None:
        raise LinkNotOpened
    with as_facility(link.facility_id):
        opened = _tried(link, Actor("receiver", str(link.pk), source_address), now, is_right=is_right)
    if opened is None:
        raise LinkNotOpened
    return opened


def recognize(secret: str, link_uid: UUID, *, now: datetime) -> Shared:
    """What the opening with this secret shows, where it is of that link and both still stand. Raises LinkNotOpened."""
    with as_center():
        openings = ShareOpening.objects.select_related("link__order", "facility")
        opening = openings.filter(secret_sha256=_digest(secret), link__uid=link_uid, ends_at__gt=now).first()
        output = _leads_to(opening.link, opening.link.order, now) if opening else None
    if opening is None or output is None:
        raise LinkNotOpened
    return Shared(opening, opening.link, output)


def take_download(shared: Shared, *, actor: Actor, now: datetime) -> None:
    """Count the download of an opening, once: what is cut goes on. Within the caller's transaction.

    Raises NoDownloadsLeft.
    """
    rows = ShareOpening.objects.filter(facility_id=shared.link.facility_id)
    opening = rows.select_for_update().get(pk=shared.opening.pk)
    if opening.downloaded_at:
        return
    left = ShareLink.objects.filter(facility_id=shared.link.facility_id, pk=shared.link.pk, downloads_left__gt=0)
    if not left.update(downloads_left=F("downloads_left") - 1):
        raise NoDownloadsLeft
    opening.downloaded_at = now
    opening.save(update_fields=["downloaded_at"])
    _record("downloaded", shared.link, actor, production=shared.output.number)


def _tried(link: ShareLink, actor: Actor, now: datetime, *, is_right: bool) -> Opened | None:
    """One try after another: the row is held. A locked link answers nobody, and is written about no more."""
    current = ShareLink.objects.select_for_update(of=("self",)).select_related("order").get(
        facility_id=link.facility_id, pk=link.pk
    )  # fmt: skip
    if current.locked_at:
        return None
    if is_right and is_alive(current, current.order, now=now):
        secret = secrets.token_urlsafe(32)
        opening = ShareOpening.objects.create(
            facility_id=current.facility_id, link=current, secret_sha256=_digest(secret), opened_at=now,
            ends_at=now + OPEN_FOR,
        )  # fmt: skip
        _record("opened", current, actor)
        tell_of_link(current, is_locked=False)
        return Opened(opening, secret)
    current.refusals += 1
    _record("refused", current, actor)
    if current.refusals >= MOST_REFUSALS:
        current.locked_at = now
        _record("locked", current, actor)
        tell_of_link(current, is_locked=True)
    current.save(update_fields=["refusals", "locked_at"])
    return None


def _revoke(order: Order, actor: Actor, now: datetime) -> None:
    for link in ShareLink.objects.filter(facility_id=order.facility_id, order=order, revoked_at=None):
        link.revoked_at = now
        link.save(update_fields=["revoked_at"])
        _record("revoked", link, actor)


def _offered(order: Order, now: datetime) -> Output | None:
    return offered_output(order, now=now) if order.kind == OrderKind.SHARE else None


def _leads_to(link: ShareLink, order: Order, now: datetime) -> Output | None:
    """What the link opens, while that is offered: not what was sent back, nor what was made instead."""
    output = None if link.locked_at or link.revoked_at else _offered(order, now)
    return output if output and output.number == link.production else None


def _birth_date_of(order: Order) -> date | None:
    """The patient's, where the images tell it."""
    known = set(studies_of_order(order).values_list("patient__birth_date", flat=True))
    return known.pop() if len(known) == 1 else None


def _hmac(token: str, code: str, birth_date: date | None) -> bytes:
    return hmac(token.encode(), f"{birth_date or ''}/{code}".encode(), "sha256")


def _random_digits(count: int) -> str:
    return f"{secrets.randbelow(10**count):0{count}}"


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _record(verb: str, link: ShareLink, actor: Actor, **details: int) -> None:
    record(
        f"share_link.{verb}", actor=actor, object_type="share_link", object_id=link.pk, facility_id=link.facility_id,
        **details,
    )  # fmt: skip
