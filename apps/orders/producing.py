"""Production: outputs that are wanted are made, read back and compared, by workers.

A worker holds the row of what it makes; killed, it lets go, and another one starts over, some times. Staff may stop the
production or send the order back meanwhile: the worker leaves off at the next image, and nothing of it stays.
"""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM
from apps.catalog.models import Instance
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_center
from apps.orders.errors import CalledOff, NothingChosen
from apps.orders.faults import note_faults
from apps.orders.kinds import KINDS
from apps.orders.models import Order, Output, State
from apps.orders.ordered import Images
from apps.orders.outputs import erase, file_name, keep, latest, opened
from apps.orders.progress import Progress
from apps.orders.steps import held, take_step
from apps.orders.working import send_back
from apps.vault.spool import passing_folder

MOST_ATTEMPTS = 5
"""Begun so often without a result, staff are to look: what kills a worker may well kill the next one."""
LOOKED_EVERY_S = 1.0
log = logging.getLogger(__name__)


def produce_due() -> int:
    """Make what is wanted, the most pressing first. Returns how many orders have become ready."""
    with as_center():
        keys = list(_wanted().order_by("order__due_at", "pk").values_list("pk", flat=True))
    return sum(map(_attempt, keys))


def _wanted() -> QuerySet[Output]:
    return latest().filter(made_at=None, order__state=State.PRODUCING)


def _attempt(key: int) -> bool:
    """Make one; what nobody has thought of stops no other one."""
    try:
        return _begin(key) and _produce(key)
    except Exception:
        log.exception("Production %d stopped; it starts over", key)
        return False


def _begin(key: int) -> bool:
    """Count the attempt, unless another worker is at it, or it was begun too often: then it goes back to staff."""
    with as_center():
        output = _claimed(key)
        if output is None:
            return False
        if output.attempts >= MOST_ATTEMPTS:
            _give_back(output, _("It was begun %(times)d times, and each time the worker died or failed over it")
                       % {"times": output.attempts})  # fmt: skip
            return False
        Output.objects.filter(facility_id=output.facility_id, pk=key).update(attempts=F("attempts") + 1)
    return True


def _produce(key: int) -> bool:
    """Make one, unless another worker does; what cannot be made goes back to staff with the reason."""
    with as_center():
        output = _claimed(key)
        if output is None:
            return False
        watch = Watch(output)
        with in_words_of(None, output.order.facility):  # made and checked in the same words
            try:
                _make(output, watch)
            except CalledOff:
                log.info("Order %s is no longer produced: it was called off", output.order)
                return False
            except DomainError as error:
                problem = note_faults(output, WatchedImages(output.order, watch), error)
            except OSError as error:
                problem = f"The output could not be written: {error.strerror}"
            else:
                return _finish(output)
        log.warning("Order %s was not produced: %s", output.order, problem)
        _give_back(output, problem)
        return False


def _claimed(key: int) -> Output | None:
    """The output, held by this transaction, if it is still to be made and nobody else is at it."""
    rows = Output.objects.select_for_update(skip_locked=True, of=("self",)).select_related("order__facility")
    return rows.filter(pk=key, made_at=None, order__state=State.PRODUCING).first()


def _make(output: Output, watch: "Watch") -> None:
    """Produce and keep the file, read it back and compare it. Raises DomainError, OSError."""
    order, kind = output.order, KINDS[output.order.kind]
    images = WatchedImages(order, watch)
    if not images:
        raise NothingChosen(_("Nothing that was ordered is there any more"))
    with passing_folder() as folder:
        target: Path = folder / f"output{kind.suffix}"
        kind.produce(order, images, target, Progress(order, watch))
        keep(output, target, file_name(order, output.number, kind.suffix))
    try:
        with opened(output) as file:
            kind.check(order, images, file)
    except (DomainError, OSError):
        erase(output, now=database_now())
        raise


def _finish(output: Output) -> bool:
    """The order is ready; or, where it was sent back meanwhile, what was made is thrown away."""
    now = database_now()
    if not _is_wanted(output):
        erase(output, now=now)
        return False
    output.made_at = now
    output.save(update_fields=["made_at", "name", "size_bytes", "sha256"])
    take_step(output.order, State.READY, actor=SYSTEM, now=now)
    return True


def _give_back(output: Output, problem: str) -> None:
    if _is_wanted(output):
        send_back(output.order, reason=problem, actor=SYSTEM, now=database_now())


def _is_wanted(output: Output) -> bool:
    """Whether the order still waits for this production; its row is held from now on."""
    current: Order = held(output.order)
    return current.state == State.PRODUCING and latest().filter(pk=output.pk).exists()


class Watch:
    """Asked at every safe point of a production, it looks every second whether anybody still waits for it."""

    def __init__(self, output: Output) -> None:
        self._output, self._next = output, time.monotonic() + LOOKED_EVERY_S

    def __call__(self) -> None:
        """Raises CalledOff."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOKED_EVERY_S
        if not _wanted().filter(pk=self._output.pk).exists():
            raise CalledOff


class WatchedImages(Images):
    """The images of an order that is produced: before each is a safe point."""

    def __init__(self, order: Order, watch: Watch) -> None:
        super().__init__(order)
        self._watch = watch

    def __iter__(self) -> Iterator[Instance]:
        for instance in super().__iter__():
            self._watch()
            yield instance
