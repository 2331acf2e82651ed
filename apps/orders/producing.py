"""Production: outputs that are wanted are made, read back and compared, by workers.

A worker holds the row of what it makes; killed, it lets go, and another one starts over. Staff may send the order back
meanwhile: what is made then is thrown away.
"""

import logging
from pathlib import Path

from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.facilities.reading import in_words_of
from apps.facilities.tenancy import as_center
from apps.orders.errors import NothingChosen
from apps.orders.kinds import KINDS
from apps.orders.models import Order, Output, State
from apps.orders.ordered import Images
from apps.orders.outputs import erase, keep, latest, opened
from apps.orders.progress import Progress
from apps.orders.steps import held, take_step
from apps.orders.working import send_back
from apps.vault.spool import passing_folder

log = logging.getLogger(__name__)


def produce_due() -> int:
    """Make what is wanted, the most pressing first. Returns how many orders have become ready."""
    with as_center():
        wanted = latest().filter(made_at=None, order__state=State.PRODUCING).order_by("order__due_at", "pk")
        keys = list(wanted.values_list("pk", flat=True))
    return sum(map(_attempt, keys))


def _attempt(key: int) -> bool:
    """Make one; what nobody has thought of stops no other one."""
    try:
        return _produce(key)
    except Exception:
        log.exception("Production %d stopped; it starts over", key)
        return False


def _produce(key: int) -> bool:
    """Make one, unless another worker does; what cannot be made goes back to staff with the reason."""
    with as_center():
        claimed = Output.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            pk=key, made_at=None, order__state=State.PRODUCING
        )
        output = claimed.select_related("order__facility").first()
        if output is None:
            return False
        try:
            with in_words_of(None, output.order.facility):  # made and checked in the same words
                _make(output)
        except DomainError as error:
            problem = error.message
        except OSError as error:
            problem = f"The output could not be written: {error.strerror}"
        else:
            return _finish(output)
        log.warning("Order %s was not produced: %s", output.order, problem)
        if _is_wanted(output):
            send_back(output.order, reason=problem, actor=SYSTEM, now=database_now())
        return False


def _make(output: Output) -> None:
    """Produce and keep the file, read it back and compare it. Raises DomainError, OSError."""
    order, kind = output.order, KINDS[output.order.kind]
    images = Images(order)
    if not images:
        raise NothingChosen(_("Nothing that was ordered is there any more"))
    with passing_folder() as folder:
        target: Path = folder / f"output{kind.suffix}"
        kind.produce(order, images, target, Progress(order))
        keep(output, target, f"{order.facility_id}/{order.uid}/{output.number}{kind.suffix}")
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


def _is_wanted(output: Output) -> bool:
    """Whether the order still waits for this production; its row is held from now on."""
    current: Order = held(output.order)
    return current.state == State.PRODUCING and latest().filter(pk=output.pk).exists()
