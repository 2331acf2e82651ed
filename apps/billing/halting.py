"""Staff stop the run, which leaves off before the next contracts, and let it go on. What was drafted stays."""

from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.billing.errors import IllegalTransition
from apps.billing.models import Halt
from apps.core.locks import lock_names
from apps.facilities.tenancy import as_center


def open_halt() -> Halt | None:
    """The halt that is in force, within the caller's transaction as the center."""
    return Halt.objects.select_related("halted_by").filter(resumed_at=None).first()


def is_halted() -> bool:
    """Whether nothing is to be drafted now; asked before each portion of contracts."""
    with as_center():
        return open_halt() is not None


def halt(*, by: User, actor: Actor, now: datetime) -> None:
    """Nothing is drafted from now on, by whichever run. Within the caller's transaction. Raises IllegalTransition."""
    lock_names(["billing/halt"])
    if open_halt():
        raise IllegalTransition(_("The run is stopped already"))
    Halt.objects.create(halted_at=now, halted_by=by)
    record("billing.halted", actor=actor, object_type="billing", object_id="", facility_id=None)


def go_on(*, by: User, actor: Actor, now: datetime) -> None:
    """The next run drafts what is missing. Within the caller's transaction. Raises IllegalTransition."""
    lock_names(["billing/halt"])
    if not Halt.objects.filter(resumed_at=None).update(resumed_at=now, resumed_by=by):
        raise IllegalTransition(_("The run is not stopped"))
    record("billing.resumed", actor=actor, object_type="billing", object_id="", facility_id=None)
