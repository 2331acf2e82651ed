"""Deliveries to nodes: what was taken is kept image by image, so that a worker that dies costs nothing but its time.

Staff ask for one by dispatching; who sends them claims them here (dicomnet/delivering.py). Only a delivery that came
to its end dispatches the order, and is charged.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor, record
from apps.catalog.models import Instance
from apps.facilities.tenancy import as_center
from apps.orders.errors import IllegalTransition
from apps.orders.handing_out import hand_out
from apps.orders.models import Answer, Delivery, Node, Order, Output, State
from apps.orders.ordered import images_of
from apps.orders.reporting import keep_report
from apps.orders.statuses import in_words, is_taken
from apps.orders.steps import held
from apps.orders.telling import tell_of_delivery, tell_of_node

HELD_FOR = timedelta(minutes=10)
"""Longer than any image takes: whoever dies over a delivery leaves it to others by then."""
AGAIN_AFTER = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)]
"""How often a node that does not answer is tried before staff have to decide."""
TOLD_AFTER = 3
"""Attempts in vain, after which staff may look at the node while it is still tried."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a delivery is: images in all, those the node took, and what it said of those it did not."""

    images: int
    taken: int
    refused: Counter[int | None]

    @property
    def is_whole(self) -> bool:
        return self.taken >= self.images


def ask_delivery(order: Order, node: Node, *, by: User | None, actor: Actor, now: datetime) -> None:
    """Have a worker send what the node has not taken. Within the caller's transaction. Raises IllegalTransition."""
    current = held(order)
    number = _production(current)
    if current.state != State.READY or number is None:
        raise IllegalTransition(_("The order is not ready to be delivered"))
    defaults = {"node": node, "wanted_at": now, "next_at": now}
    delivery, is_new = Delivery.objects.get_or_create(
        facility_id=order.facility_id, order=order, number=number, defaults=defaults
    )
    if not is_new:
        if delivery.next_at:
            raise IllegalTransition(_("It is being delivered"))
        delivery.next_at, delivery.attempts, delivery.problem = now, 0, ""
        delivery.save(update_fields=["next_at", "attempts", "problem"])
    _note_problem(order, "")
    record("order.delivery_asked", actor=actor, object_type="order", object_id=order.pk,
           facility_id=order.facility_id, node=node.pk, by=by.pk if by else None)  # fmt: skip


def dispatch_taken(order: Order, *, by: User, actor: Actor, now: datetime) -> None:
    """Be content with what the node took; the report says what it did not. Raises IllegalTransition."""
    delivery = delivery_of(held(order))
    if delivery is None or delivery.next_at or not standing_of(delivery).taken:
        raise IllegalTransition(_("Nothing was delivered, or it is being delivered"))
    _end(delivery, actor=actor, now=now, by=by)


def call_off(order: Order) -> None:
    """Nobody sends it any further: the order goes back. Within the caller's transaction."""
    Delivery.objects.filter(facility_id=order.facility_id, order=order).update(next_at=None)


def delivery_of(order: Order) -> Delivery | None:
    """The delivery of the production that counts."""
    number = _production(order) or 0
    found = Delivery.objects.filter(facility_id=order.facility_id, order=order, number=number)
    return found.select_related("order__facility", "node").first()


def standing_of(delivery: Delivery) -> Standing:
    """How far it is."""
    answers = Answer.objects.filter(facility_id=delivery.facility_id, delivery=delivery)
    taken = answers.filter(is_taken=True).count()
    refused = answers.filter(is_taken=False).values_list("status").annotate(Count("pk"))
    return Standing(delivery.order.instance_count, taken, Counter(dict(refused)))


def refusals_of(delivery: Delivery) -> QuerySet[Answer]:
    """What the node said of the images that it did not take, in their order."""
    answers = Answer.objects.filter(facility_id=delivery.facility_id, delivery=delivery, is_taken=False)
    return answers.order_by("pk")


def claim_delivery(*, now: datetime) -> Delivery | None:
    """The delivery that has been due the longest, for whoever asks."""
    with as_center():
        due = Delivery.objects.filter(next_at__lte=now, order__state=State.READY).order_by("next_at", "pk")
        delivery = (
            due.select_related("order__facility", "node").select_for_update(skip_locked=True, of=("self",)).first()
        )
        if delivery:
            delivery.begun_at, delivery.next_at = now, now + HELD_FOR
            delivery.save(update_fields=["begun_at", "next_at"])
    return delivery


def unanswered(delivery: Delivery, most: int, *, after: int = 0) -> list[Instance]:
    """Images that the node has not taken, and has not been asked about since this was begun; with ids above `after`,
    from which it goes on: the delivery may be of millions.
    """
    answers = Answer.objects.filter(
        Q(is_taken=True) | Q(at__gte=delivery.begun_at), facility_id=OuterRef("facility_id"), delivery=delivery,
        sop_instance_uid=OuterRef("sop_instance_uid"),
    )  # fmt: skip
    with as_center():
        wanted = images_of(delivery.order).filter(~Exists(answers), pk__gt=after)
        return list(wanted.select_related("pack", "series").order_by("pk")[:most])


def note_answers(delivery: Delivery, answers: Iterable[tuple[str, int | None]], *, now: datetime) -> bool:
    """Keep statuses by SOP Instance UID; False where the delivery is no longer this worker's."""
    rows = [
        Answer(
            facility_id=delivery.facility_id, delivery=delivery, sop_instance_uid=uid, status=status,
            is_taken=is_taken(status), at=now,
        )
        for uid, status in answers
    ]  # fmt: skip
    with as_center():
        Answer.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["facility", "delivery", "sop_instance_uid"],
            update_fields=["status", "is_taken", "at"],
        )  # fmt: skip
        return bool(_mine(delivery).update(next_at=now + HELD_FOR))


def conclude(delivery: Delivery, *, problem: str, has_progressed: bool, now: datetime) -> bool:
    """The worker is through, or the node went away (`problem`): whether the order is dispatched by it.

    What went away is tried again by itself for a while; after that, and where images were refused, staff decide.
    """
    with as_center():
        held(delivery.order)
        if not _mine(delivery).exists():
            return False
        standing = standing_of(delivery)
        if standing.is_whole:
            _end(delivery, actor=SYSTEM, now=now)
            return True
        delivery.next_at = None
        if problem:
            delivery.attempts = 1 if has_progressed else delivery.attempts + 1
            if delivery.attempts <= len(AGAIN_AFTER):
                delivery.next_at = now + AGAIN_AFTER[delivery.attempts - 1]
            if delivery.attempts == TOLD_AFTER:
                tell_of_node(delivery.node, now=now)
        said = [problem, told(standing) if standing.taken or not problem else ""]
        delivery.problem = ". ".join(filter(None, said))[:300]
        delivery.save(update_fields=["next_at", "attempts", "problem"])
        _note_problem(delivery.order, delivery.problem)
        if delivery.next_at is None:
            tell_of_delivery(delivery.order, occasion=f"{delivery.pk} {now.isoformat(timespec='seconds')}")
        record("order.not_delivered", actor=SYSTEM, object_type="order", object_id=delivery.order_id,
               facility_id=delivery.facility_id, taken=standing.taken, images=standing.images)  # fmt: skip
    return False


def told(standing: Standing) -> str:
    """What went through and what did not, for people."""
    why = "; ".join(f"{in_words(status)}: {count}" for status, count in standing.refused.most_common())
    sums = {"taken": standing.taken, "images": standing.images}
    return _("The node took %(taken)d of %(images)d images") % sums + (f". {why}" if why else "")


def _end(delivery: Delivery, *, actor: Actor, now: datetime, by: User | None = None) -> None:
    order, standing = delivery.order, standing_of(delivery)
    delivery.ended_at, delivery.next_at, delivery.problem = now, None, ""
    delivery.save(update_fields=["ended_at", "next_at", "problem"])
    keep_report(delivery, taken=standing.taken, now=now)
    hand_out(order, note=told(standing), actor=actor, now=now, by=by, problem="")


def _mine(delivery: Delivery) -> QuerySet[Delivery]:
    """The row, as long as it is this worker's: nobody has called it off or taken it over."""
    return Delivery.objects.filter(
        pk=delivery.pk, begun_at=delivery.begun_at, next_at__isnull=False, order__state=State.READY
    )


def _production(order: Order) -> int | None:
    made = Output.objects.filter(facility_id=order.facility_id, order=order).order_by("-number")
    return made.values_list("number", flat=True).first()


def _note_problem(order: Order, problem: str) -> None:
    Order.objects.filter(facility_id=order.facility_id, pk=order.pk).update(problem=problem)
    order.problem = problem
