"""What a facility does: it has a quote drawn up, requests the order, cancels it, confirms that it came."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.contracts.agreeing import contract_of, may_order_outputs, terminating_contract_of, version_of
from apps.contracts.models import ContractVersion
from apps.core.bulk import insert_rows
from apps.core.clock import day_of
from apps.core.locks import lock_names
from apps.facilities.models import Facility
from apps.orders.choosing import Choice, instances_of, without_covered
from apps.orders.errors import IllegalTransition, NoContract, NothingChosen, OtherOrder, QuoteExpired
from apps.orders.holding import hold_studies, release_studies
from apps.orders.kinds import KINDS
from apps.orders.models import Order, OrderAddress, OrderItem, OrderKind, QuoteLine, State
from apps.orders.options import Options
from apps.orders.quoting import Extent, Pictures, Quote, Tariff, quoted
from apps.orders.steps import held, note_step, take_step
from apps.tiers.models import Price

QUOTE_HOLDS = timedelta(days=7)


def governing_terms(facility: Facility, kind: OrderKind, *, now: datetime) -> ContractVersion:
    """The contract version that prices an order now. Restores go on after a contract's last day, until it has ended.

    Raises NoContract.
    """
    today = day_of(now, facility.time_zone)
    contract = contract_of(facility.pk, on=today)
    if contract is None and kind == OrderKind.RESTORE:
        contract = terminating_contract_of(facility.pk)
    version = version_of(contract, on=today) if contract else None
    if version is None:
        raise NoContract(_("No contract is in force: ask the center"))
    return version


def tariff_of(version: ContractVersion) -> Tariff:
    """Prices and hours of a contract version."""
    prices = Price.objects.filter(price_list=version.price_list_id).values_list("item", "unit_price")
    return Tariff(
        version.price_list.currency, dict(prices), version.price_list.urgent_factor,
        version.tier_version.output_hours, version.tier_version.urgent_output_hours,
    )  # fmt: skip


def estimate(
    facility: Facility, kind: OrderKind, choices: Sequence[Choice], *, options: Options | None = None, now: datetime
) -> tuple[Quote, Quote]:
    """What the choices would cost, normal and urgent. Raises NoContract, NothingChosen, InvalidOptions."""
    tariff = tariff_of(governing_terms(facility, kind, now=now))
    wanted = options or KINDS[kind].options(facility)
    extent = _extent(facility, wanted.covering(choices))
    counted = list(KINDS[kind].count(extent, wanted.chosen))
    return quoted(counted, tariff, is_urgent=False), quoted(counted, tariff, is_urgent=True)


def draw_up(
    facility: Facility, kind: OrderKind, choices: Iterable[Choice], *, options: Options | None = None,
    is_urgent: bool, actor: Actor, now: datetime, by: User | None = None, uid: UUID | None = None,
) -> Order:  # fmt: skip
    """A quote, within the caller's transaction: it costs nothing and holds for some days. Raises as `estimate`.

    `uid`: the caller's own. Of an order that is there already, that one: who got no answer may ask again. Raises
    OtherOrder where that one is not the same.
    """
    wanted = options or KINDS[kind].options(facility)
    chosen = without_covered(wanted.covering(choices))
    if uid and (known := _drawn_up(facility, uid)):
        _require_same(known, kind, chosen, wanted.chosen, is_urgent=is_urgent)
        return known
    version = governing_terms(facility, kind, now=now)
    extent, recipient = _extent(facility, chosen), wanted.recipient
    quote = quoted(KINDS[kind].count(extent, wanted.chosen), tariff_of(version), is_urgent=is_urgent)
    order = Order.objects.create(
        facility=facility, uid=uid or uuid4(), kind=kind, options=wanted.chosen, version=version, is_urgent=is_urgent,
        currency=quote.currency, amount=quote.amount, ready_hours=quote.ready_hours, instance_count=extent.images,
        size_bytes=extent.size_bytes, newest_counted=extent.newest, quoted_at=now, valid_until=now + QUOTE_HOLDS,
    )  # fmt: skip
    if recipient:
        OrderAddress.objects.create(facility=facility, order=order, name=recipient.name, lines=recipient.lines)
    insert_rows([
        OrderItem(
            facility=facility, order=order, study_instance_uid=each.study_instance_uid,
            series_instance_uid=each.series_instance_uid, sop_instance_uid=each.sop_instance_uid,
        )
        for each in chosen
    ])  # fmt: skip
    QuoteLine.objects.bulk_create([
        QuoteLine(
            facility=facility, order=order, item=line.item, quantity=line.quantity, unit_price=line.unit_price,
            amount=line.amount,
        )
        for line in quote.lines
    ])  # fmt: skip
    note_step(order, actor=actor, now=now, by=by)
    return order


def request(order: Order, *, emergency: str = "", actor: Actor, now: datetime, by: User | None = None) -> None:
    """The facility wants it as quoted; what it is of cannot be deleted until the order ends.

    An emergency, with its reason, does not wait for an overdue invoice. Within the caller's transaction. Raises
    ContractSuspended, QuoteExpired, HoldRefused, NothingChosen, IllegalTransition.
    """
    if not emergency:
        may_order_outputs(order.facility_id)
    if now >= order.valid_until:
        raise QuoteExpired(_("The quote has expired: ask for another one"))
    due_at = now + timedelta(hours=order.ready_hours)
    current = take_step(
        order, State.REQUESTED, actor=actor, now=now, by=by, note=emergency, requested_at=now, due_at=due_at,
        emergency=emergency[:300],
    )  # fmt: skip
    hold_studies(current, actor=actor, now=now, by=by)


def cancel(order: Order, *, reason: str = "", actor: Actor, now: datetime, by: User | None = None) -> None:
    """End an order that is not produced yet. Raises IllegalTransition, also where it was delivered before."""
    if held(order).delivered_at:
        raise IllegalTransition(_("The order was delivered before and is done again"))
    current = take_step(order, State.CANCELLED, actor=actor, now=now, by=by, note=reason)
    release_studies(current, actor=actor, now=now, by=by)


def complete(order: Order, *, actor: Actor, now: datetime, by: User | None = None) -> None:
    """It arrived: the facility says so, or staff hand it over, or its term has passed. Raises IllegalTransition."""
    current = take_step(order, State.COMPLETED, actor=actor, now=now, by=by)
    release_studies(current, actor=actor, now=now, by=by)


def _drawn_up(facility: Facility, uid: UUID) -> Order | None:
    """The order of that uid. Until the transaction ends nobody else draws one up."""
    lock_names([f"order {facility.pk}/{uid}"])
    return Order.objects.filter(facility=facility, uid=uid).first()


def _require_same(
    known: Order, kind: OrderKind, chosen: Iterable[Choice], options: dict[str, Any], *, is_urgent: bool
) -> None:
    """Raises OtherOrder."""
    items = known.items.filter(facility_id=known.facility_id)
    uids = items.values_list("study_instance_uid", "series_instance_uid", "sop_instance_uid")
    was = {Choice(*each) for each in uids}
    if (known.kind, known.options, known.is_urgent, was) != (kind, options, is_urgent, set(chosen)):
        raise OtherOrder(_("Another order was drawn up with this uid"))


def _extent(facility: Facility, choices: Sequence[Choice]) -> Extent:
    """Raises NothingChosen."""
    pixels = Q(has_pixel_data=True)
    frames = Sum(Greatest(Coalesce("number_of_frames", 1), 1), filter=pixels, default=0)
    of_studies = instances_of(facility.pk, choices).order_by("series__study_id")
    found = list(
        of_studies.values("series__study_id", "series__study__patient_id").annotate(
            images=Count("pk"), seen=Count("pk", filter=pixels), frames=frames, size_bytes=Sum("length_bytes"),
            largest_bytes=Max("length_bytes"), newest=Max("pk"),
        )
    )  # fmt: skip
    if not found:
        raise NothingChosen(_("Choose what the order is of: nothing of it is there"))
    return Extent(
        images=sum(each["images"] for each in found),
        frames=sum(each["frames"] for each in found),
        size_bytes=sum(each["size_bytes"] for each in found),
        largest_bytes=max(each["largest_bytes"] for each in found),
        patients=len({each["series__study__patient_id"] for each in found}),
        pictures=tuple(Pictures(each["seen"], each["frames"]) for each in found),
        newest=max(each["newest"] for each in found),
    )
