"""Agreeing on the end of storage with a facility that has no contract: another policy is added, and governs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.contracts.agreeing import contract_of
from apps.core.locks import lock_names
from apps.facilities.models import Facility
from apps.retention.assessment_queue import request_assessment_of_facilities
from apps.retention.errors import AlreadyAgreed, ContractGoverns
from apps.retention.models import DeletionPolicy
from apps.retention.models.policies import TERMS, policy_of


def agree_on_policy(facility: Facility, *, by: User, actor: Actor, now: datetime, **terms: Any) -> DeletionPolicy:
    """The facility's policy from now on, within the caller's transaction.

    Notices that were sent keep the day they name; floors are only lengthened by it. Raises ContractGoverns,
    AlreadyAgreed.
    """
    if contract := contract_of(facility.pk, on=now.date()):
        raise ContractGoverns(
            _("Contract %(contract)s says what happens at the end of storage: amend the contract")
            % {"contract": contract}
        )
    made = DeletionPolicy(facility=facility, agreed_at=now, agreed_by=by, **terms)
    if is_agreed(facility, {name: getattr(made, name) for name in TERMS}):
        raise AlreadyAgreed(_("This is what is agreed on already"))
    before = policy_of(facility.pk)
    made.save()
    record("deletion_policy.agreed", actor=actor, object_type="deletion_policy", object_id=made.pk,
           facility_id=facility.pk, on_expiry=made.on_expiry, on_silence=made.on_silence,
           notice_days=made.notice_days, minimum_period=made.minimum_period)  # fmt: skip
    if made.minimum_period != before.minimum_period:
        request_assessment_of_facilities([facility.pk])
    return made


def is_agreed(facility: Facility, terms: Mapping[str, Any]) -> bool:
    """Whether just these terms govern; nobody agrees on others before the caller's transaction ends."""
    lock_names([f"policy/{facility.pk}"])
    governing = policy_of(facility.pk)
    return not governing._state.adding and all(getattr(governing, name) == terms[name] for name in TERMS)


def governing_policies() -> QuerySet[DeletionPolicy]:
    """The latest policy of each facility that has any."""
    return DeletionPolicy.objects.order_by("facility_id", "-pk").distinct("facility_id")
