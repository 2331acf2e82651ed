"""Agreeing on contracts: drawn up, put into force, amended, suspended, ended. Each within the caller's transaction.

Days are those of the facility's calendar. A contract's row is held by whoever changes it; what two contracts of a
facility would share of days, the database refuses.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.contracts.errors import (
    ContractSuspended,
    IllegalTransition,
    NeedsApproval,
    NoticeTooShort,
    NotOffered,
    Overlapping,
)
from apps.contracts.models import IN_FORCE, Contract, ContractVersion, ContractVersionQuerySet, State
from apps.contracts.telling import tell_of_agreement, tell_of_offer
from apps.contracts.terms import earliest_end, governing
from apps.core.clock import day_of
from apps.core.locks import lock_names
from apps.core.shown import day
from apps.facilities.models import Facility
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell
from apps.tiers.models import PriceList, TierVersion, current_price_list

TERMS = (
    "minimum_term", "notice_period", "discount_percent", "minimum_commitment", "payment_days", "dunning_days",
    "suspend_after_days", "on_expiry", "notice_days", "reminder_days", "on_silence", "minimum_period",
    "charges_custody",
)  # fmt: skip


def draft(
    facility: Facility, *, tier_version: TierVersion, price_list: PriceList, starts_on: date, actor: Actor,
    now: datetime, by: User | None = None, **terms: Any,
) -> Contract:  # fmt: skip
    """A contract that is not in force yet, with its first version. Raises NotOffered, ValidationError."""
    _check_offer(tier_version, price_list, on=starts_on)
    contract = Contract.objects.create(
        facility=facility, currency=price_list.currency, starts_on=starts_on, created_at=now
    )
    version = ContractVersion(
        facility=facility, contract=contract, number=1, effective_from=starts_on, tier_version=tier_version,
        price_list=price_list, agreed_at=now, agreed_by=by, **terms,
    )  # fmt: skip
    _save_version(version)
    tell_of_offer(version, facility, by=by)
    _record("drafted", contract, actor, starts_on=f"{starts_on}", **_told(version))
    return contract


def amend(
    contract: Contract, *, effective_from: date, actor: Actor, now: datetime, by: User | None = None,
    tier_version: TierVersion | None = None, price_list: PriceList | None = None, **terms: Any,
) -> ContractVersion:  # fmt: skip
    """The version before with these changes, from a day on that has not passed.

    Another tier brings its prices of that day, in the contract's currency; else the price list stays, whatever the
    catalogue says by then. Raises NotOffered, NoticeTooShort, IllegalTransition, ValidationError.
    """
    current = held(contract)
    before = current.versions.order_by("number").select_related("tier_version", "price_list").last()
    assert before
    _check_day(current, effective_from, now)
    tier = tier_version or before.tier_version
    if price_list is None and tier.pk != before.tier_version_id:
        price_list = current_price_list(tier, current.currency, as_of=effective_from)
        if price_list is None:
            raise NotOffered(
                _("%(tier)s has no prices in %(currency)s on %(day)s")
                % {"tier": tier, "currency": current.currency, "day": day(effective_from)}
            )
    prices = price_list or before.price_list
    if (tier.pk, prices.pk) != (before.tier_version_id, before.price_list_id):
        _check_offer(tier, prices, on=effective_from, currency=current.currency, goes_on=tier == before.tier_version)
    copied = {name: getattr(before, name) for name in TERMS}
    version = ContractVersion(
        facility_id=current.facility_id, contract=current, number=before.number + 1, effective_from=effective_from,
        tier_version=tier, price_list=prices, agreed_at=now, agreed_by=by, **(copied | terms),
    )  # fmt: skip
    _save_version(version)
    tell_of_offer(version, current.facility, by=by)
    _record("amended", current, actor, effective_from=f"{effective_from}", **_told(version))
    return version


def approve(version: ContractVersion, *, by: User, actor: Actor, now: datetime) -> None:
    """Staff approves a version whose tier asks for it; until then it governs no day. Raises as below."""
    contract = held(version.contract)
    current = ContractVersion.objects.select_related("tier_version").get(pk=version.pk)
    if not by.is_staff:
        raise NeedsApproval(_("Staff approves contracts of this tier"))
    if current.is_agreed:
        raise IllegalTransition(_("This version needs no approval, or has it"))
    _check_day(contract, current.effective_from, now)
    ContractVersion.objects.filter(pk=current.pk).update(approved_by=by)
    version.approved_by = current.approved_by = by
    tell_of_agreement(current, contract.facility)
    _record("approved", contract, actor, version=current.number)


def activate(contract: Contract, *, by: User | None, actor: Actor, now: datetime) -> None:
    """The contract is in force from its start on. Raises NeedsApproval, Overlapping, IllegalTransition."""
    current = held(contract)
    if version_of(current, on=current.starts_on) is None:
        raise NeedsApproval(_("Staff approves contracts of this tier first"))
    current.advance(State.ACTIVE, at=now)
    _save_exclusively(current, "state", "activated_at", "suspended_at", "suspended_by")
    _record("activated", current, actor, by=by.pk if by else None)
    _bring_up(contract, current)


def suspend(contract: Contract, *, actor: Actor, now: datetime, by: User | None = None) -> None:
    """New outputs wait from now on; nothing else does. Notice that was given stands. What staff suspend (`by`), no
    payment resumes. Raises IllegalTransition.
    """
    current = held(contract)
    if current.is_suspended:
        raise IllegalTransition(_("The contract is suspended already"))
    if current.state == State.TERMINATING:
        current.suspended_at = now
    else:
        current.advance(State.SUSPENDED, at=now)
    current.suspended_by = by
    current.save(update_fields=["state", "suspended_at", "suspended_by"])
    _record("suspended", current, actor)
    _bring_up(contract, current)


def resume(contract: Contract, *, actor: Actor, now: datetime) -> None:
    """Outputs go on. Notice that was given stands. Raises IllegalTransition."""
    current = held(contract)
    if not current.is_suspended:
        raise IllegalTransition(_("The contract is not suspended"))
    if current.state == State.TERMINATING:
        current.suspended_at = current.suspended_by = None
    else:
        current.advance(State.ACTIVE, at=now)
    current.save(update_fields=["state", "suspended_at", "suspended_by"])
    _record("resumed", current, actor)
    _bring_up(contract, current)


def give_notice(contract: Contract, *, on: date, actor: Actor, now: datetime, by: User | None = None) -> None:
    """The contract ends after its minimum term and notice, and not before tomorrow. Raises IllegalTransition."""
    current = held(contract)
    current.advance(State.TERMINATING, at=now)
    current.notice_on, current.ends_on = on, end_after_notice(current, on=on, now=now)
    current.save(update_fields=["state", "notice_on", "ends_on"])
    about, facts = ("contract", current.pk), {"ends_on": f"{current.ends_on}"}
    plan = reverse("portal:plan", kwargs={"facility_slug": current.facility.slug})
    for kind, path in (
        (Kind.CONTRACT_ENDING, plan),
        (Kind.STAFF_CONTRACT_ENDING, reverse("admin:contracts_contract_change", args=[current.pk])),
    ):
        tell(kind, facility=current.facility_id, about=about, occasion=f"{now:%Y%m%dT%H%M%S}", path=path, facts=facts,
             due_on=current.ends_on)  # fmt: skip
    _record("notice_given", current, actor, on=f"{on}", ends_on=f"{current.ends_on}", by=by.pk if by else None)
    _bring_up(contract, current)


def withdraw_notice(contract: Contract, *, actor: Actor, now: datetime, by: User | None = None) -> None:
    """The contract goes on. Raises IllegalTransition, Overlapping where another one follows it."""
    current = held(contract)
    if current.is_suspended:
        raise IllegalTransition(_("The contract is suspended: outputs are to go on first"))
    if current.state != State.TERMINATING or current.ends_on is None or current.ends_on <= today_of(current, now):
        raise IllegalTransition(_("No notice was given, or the contract is over"))
    current.advance(State.ACTIVE, at=now)
    current.notice_on = current.ends_on = current.returned_at = None
    _save_exclusively(current, "state", "notice_on", "ends_on", "returned_at")
    _record("notice_withdrawn", current, actor, by=by.pk if by else None)
    _bring_up(contract, current)


def note_returned(contract: Contract, *, actor: Actor, now: datetime, by: User | None = None) -> None:
    """The facility has everything back, and answers for it from now on. Raises IllegalTransition without notice."""
    current = held(contract)
    if current.state != State.TERMINATING:
        raise IllegalTransition(_("No notice was given: nothing is to be given back for good"))
    current.returned_at = now
    current.save(update_fields=["returned_at"])
    _record("returned", current, actor, by=by.pk if by else None)
    _bring_up(contract, current)


def end(contract: Contract, *, actor: Actor, now: datetime) -> None:
    """Close a contract whose last day is over; whoever asks has seen that nothing is stored under it any more.

    Raises IllegalTransition, NoticeTooShort.
    """
    current = held(contract)
    if current.ends_on and current.ends_on > today_of(current, now):
        raise NoticeTooShort(_("The contract serves until %(day)s") % {"day": day(current.ends_on - timedelta(days=1))})
    current.advance(State.ENDED, at=now)
    current.save(update_fields=["state", "ended_at"])
    _record("ended", current, actor)
    _bring_up(contract, current)


def end_after_notice(contract: Contract, *, on: date, now: datetime) -> date:
    """The first day that is not served any more, were notice given on that day."""
    terms = version_of(contract, on=max(on, contract.starts_on))
    assert terms
    end_on = earliest_end(
        starts_on=contract.starts_on, minimum_term=terms.minimum_term, notice_period=terms.notice_period, notice_on=on
    )
    return max(end_on, max(today_of(contract, now), contract.starts_on) + timedelta(days=1))


def contract_of(facility_id: int, *, on: date) -> Contract | None:
    """The contract that serves the facility that day, suspended or not."""
    return contracts_of([facility_id], on=on).get(facility_id)


def contracts_of(facility_ids: Iterable[int], *, on: date) -> dict[int, Contract]:
    """The contract of each facility that has one that day."""
    serving = Contract.objects.filter(
        Q(ends_on=None) | Q(ends_on__gt=on), facility_id__in=list(facility_ids), starts_on__lte=on
    ).exclude(state=State.DRAFT)
    return {contract.facility_id: contract for contract in serving}


def governing_versions_of(facility_ids: Iterable[int], *, on: date) -> dict[int, ContractVersion]:
    """The version that governs each facility that has a contract that day."""
    contracts = contracts_of(facility_ids, on=on)
    found: dict[int, list[ContractVersion]] = defaultdict(list)
    for version in _agreed_versions().filter(contract__in=list(contracts.values()), facility_id__in=contracts):
        found[version.facility_id].append(version)
    governing_ones = {key: governing(versions, on=on) for key, versions in found.items()}
    return {key: version for key, version in governing_ones.items() if version}


def coming_versions_of(facility_id: int, *, after: date) -> list[ContractVersion]:
    """The versions, of contracts that are in force by then, that take effect after a day."""
    coming = _agreed_versions().filter(facility_id=facility_id, effective_from__gt=after, contract__state__in=IN_FORCE)
    return list(coming.filter(Q(contract__ends_on=None) | Q(contract__ends_on__gt=F("effective_from"))))


def terminating_contract_of(facility_id: int) -> Contract | None:
    """The contract under which the facility's images are given back and erased, on its last days or after them."""
    found = Contract.objects.filter(facility_id=facility_id, state=State.TERMINATING).select_related("facility")
    return found.order_by("-ends_on").first()


def is_followed(contract: Contract) -> bool:
    """Whether another contract serves the facility from its last day on, so that nothing has to go."""
    later = Contract.objects.filter(facility_id=contract.facility_id, starts_on__gte=contract.ends_on)
    return later.exclude(state__in=[State.DRAFT, State.ENDED]).exists()


def version_of(contract: Contract, *, on: date) -> ContractVersion | None:
    """The version that governs a day; days after the end are governed as the last one was."""
    last = contract.ends_on - timedelta(days=1) if contract.ends_on else on
    return governing(versions_of(contract), on=min(on, last))


def versions_of(contract: Contract) -> list[ContractVersion]:
    """The versions that are agreed on, with tier and price list; what waits for approval governs nothing."""
    return list(_agreed_versions().filter(facility_id=contract.facility_id, contract=contract).order_by("number"))


def may_order_outputs(facility_id: int) -> None:
    """Whether new outputs may be ordered. Raises ContractSuspended.

    Asked for new outputs alone: emergencies, ingest and storage never ask.
    """
    suspended = Contract.objects.filter(facility_id=facility_id, state__in=IN_FORCE, suspended_at__isnull=False)
    by_hand = list(suspended.values_list("suspended_by", flat=True))
    if any(by_hand):
        raise ContractSuspended(_("The center has stopped new outputs: ask there why"))
    if by_hand:
        raise ContractSuspended(_("An invoice is overdue: new outputs wait until it is paid"))


def today_of(contract: Contract, now: datetime) -> date:
    """The day it is at the contract's facility."""
    return day_of(now, contract.facility.time_zone)


def held(contract: Contract) -> Contract:
    """The contract as it is now; nobody else changes it before the caller's transaction ends."""
    found = Contract.objects.select_related("facility").select_for_update(of=("self",))
    return found.get(facility_id=contract.facility_id, pk=contract.pk)


def _agreed_versions() -> ContractVersionQuerySet:
    return ContractVersion.objects.agreed().select_related("tier_version__tier", "price_list", "agreed_by")


def _check_offer(
    tier_version: TierVersion, price_list: PriceList, *, on: date, currency: str = "", goes_on: bool = False
) -> None:
    """`goes_on`: the facility has the tier already, so that it need not be offered to others any more."""
    if price_list.tier_version_id != tier_version.pk:
        raise NotOffered(_("The price list is another tier version's"))
    if currency and price_list.currency != currency:
        raise NotOffered(
            _("The contract is in %(currency)s, the price list in %(other)s")
            % {"currency": currency, "other": price_list.currency}
        )
    if not (goes_on or tier_version.is_offered(as_of=on)):
        raise NotOffered(_("%(tier)s is not offered on %(day)s") % {"tier": tier_version, "day": day(on)})
    if price_list.effective_from > on:
        raise NotOffered(_("These prices take effect on %(day)s") % {"day": day(price_list.effective_from)})
    if not price_list.prices.exists():
        raise NotOffered(_("The price list is empty"))


def _check_day(contract: Contract, effective_from: date, now: datetime) -> None:
    """What is in force changes from today on at the earliest: what has passed may be invoiced."""
    if contract.state == State.ENDED or (contract.ends_on and effective_from >= contract.ends_on):
        raise IllegalTransition(_("The contract is over by then"))
    first = contract.starts_on if contract.state == State.DRAFT else max(contract.starts_on, today_of(contract, now))
    if effective_from < first:
        raise NoticeTooShort(_("A change takes effect on %(day)s at the earliest") % {"day": day(first)})


def _save_version(version: ContractVersion) -> None:
    version.clean_fields(exclude=["facility", "contract", "tier_version", "price_list", "agreed_by", "approved_by"])
    version.save()


def _save_exclusively(contract: Contract, *fields: str) -> None:
    # One after the other: two that insert into an exclusion constraint at once may wait for each other.
    lock_names([f"contracts/{contract.facility_id}"])
    try:
        with transaction.atomic():
            contract.save(update_fields=fields)
    except IntegrityError as error:
        if "contracts_do_not_overlap" not in str(error):
            raise
        raise Overlapping(_("The facility has a contract for some of these days")) from error


def _bring_up(given: Contract, current: Contract) -> None:
    """The caller's object says what the row says."""
    for name in (
        "state", "ends_on", "notice_on", "activated_at", "suspended_at", "suspended_by", "returned_at", "ended_at",
    ):  # fmt: skip
        setattr(given, name, getattr(current, name))


def _told(version: ContractVersion) -> dict[str, Any]:
    return {"version": version.number, "tier": str(version.tier_version), "price_list": version.price_list_id}


def _record(verb: str, contract: Contract, actor: Actor, **details: Any) -> None:
    record(f"contract.{verb}", actor=actor, object_type="contract", object_id=contract.pk,
           facility_id=contract.facility_id, **details)  # fmt: skip
