"""Taking a tier: what this month and the next would cost before and after, and agreeing on it, once."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.billing.errors import AlreadyChanged
from apps.billing.expecting import expected_charges
from apps.billing.months import ONE_DAY, first_day, next_month
from apps.billing.offering import Offered, currency_of, offered
from apps.billing.simulating import Part
from apps.contracts.agreeing import TERMS, activate, amend, draft, versions_of
from apps.contracts.errors import NeedsApproval, NotOffered
from apps.contracts.models import Contract, ContractVersion, State
from apps.contracts.schedule import promised_visits
from apps.contracts.signing import sign
from apps.contracts.terms import governing
from apps.core.locks import lock_names
from apps.facilities.models import Facility

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a facility has agreed on: the contract in force or about to be, else the draft it has not signed.

    `versions` are those that govern, `waiting` those that staff has not approved, by number.
    """

    facility: Facility
    today: date
    contract: Contract | None
    versions: list[ContractVersion]
    waiting: list[ContractVersion]

    @property
    def is_in_force(self) -> bool:
        """Whether there is more than a draft."""
        return self.contract is not None and self.contract.state != State.DRAFT

    @property
    def agreed(self) -> ContractVersion | None:
        """What governs today, or on the first day."""
        if self.contract is None or not self.is_in_force:
            return None
        return governing(self.versions, on=max(self.today, self.contract.starts_on))

    @property
    def last(self) -> ContractVersion | None:
        """The version that an amendment would follow."""
        return max([*self.versions, *self.waiting], key=lambda version: version.number, default=None)

    @property
    def currency(self) -> str:
        """Of what is charged."""
        return self.contract.currency if self.contract else currency_of(self.facility)

    @property
    def next_visit_on(self) -> date | None:
        """The next visit that is promised, within a year."""
        if self.contract is None or not self.is_in_force:
            return None
        first = max(self.today, self.contract.starts_on)
        last = min(self.contract.ends_on or date.max, first + timedelta(days=365))
        promised = promised_visits(self.versions, starts_on=self.contract.starts_on, first=first, last=last - ONE_DAY)
        return promised[0] if promised else None


@dataclass(frozen=True, slots=True)
class MonthChange:
    """What a month comes to before and after a change, by part."""

    month: date
    before: dict[Part, Decimal]
    after: dict[Part, Decimal]

    @property
    def rows(self) -> list[tuple[Part, Decimal, Decimal]]:
        """Parts that either has."""
        shown = [part for part in Part if part in self.before or part in self.after]
        return [(part, self.before.get(part, NOTHING), self.after.get(part, NOTHING)) for part in shown]

    @property
    def totals(self) -> tuple[Decimal, Decimal]:
        """Of all parts."""
        return sum(self.before.values(), NOTHING), sum(self.after.values(), NOTHING)

    @property
    def difference(self) -> Decimal:
        """What it costs more."""
        before, after = self.totals
        return after - before


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that can be agreed on. `version` is not saved; `token` changes with whatever the amounts came from."""

    chosen: Offered
    version: ContractVersion
    months: list[MonthChange]
    token: str


def standing_of(facility: Facility, *, today: date) -> Standing:
    """What is agreed on, as of a day of the facility's calendar."""
    known = Contract.objects.filter(facility=facility).exclude(state=State.ENDED).exclude(ends_on__lte=today)
    contract = known.exclude(state=State.DRAFT).order_by("starts_on").first() or known.order_by("-pk").first()
    if contract is None:
        return Standing(facility, today, None, [], [])
    contract.facility = facility
    versions = versions_of(contract)
    every = contract.versions.select_related("tier_version__tier", "price_list")
    waiting = every.exclude(pk__in=[version.pk for version in versions]).order_by("number")
    return Standing(facility, today, contract, versions, list(waiting))


def days_to_begin(standing: Standing) -> list[date]:
    """When a change may take effect: now, or with the next month."""
    now = max(standing.today, standing.contract.starts_on) if standing.agreed and standing.contract else standing.today
    return [now, next_month(now)]


def proposals(standing: Standing, tier_version_id: int) -> list[Proposal]:
    """Of now and of the next month; none where the tier is not offered, or agreed on already."""
    found = []
    for day in days_to_begin(standing):
        with suppress(NotOffered):
            found.append(propose(standing, tier_version_id, effective_from=day))
    return found


def propose(standing: Standing, tier_version_id: int, *, effective_from: date) -> Proposal:
    """The change to a tier from a day on. Raises NotOffered."""
    offers = offered(standing.currency, as_of=effective_from, agreed=standing.agreed)
    chosen = next((each for each in offers if each.version.pk == tier_version_id and not each.is_agreed), None)
    if chosen is None:
        raise NotOffered(_("The tier is not offered on that day"))
    last = standing.last if standing.is_in_force else None
    copied = {name: getattr(last, name) for name in TERMS} if last else {}
    version = ContractVersion(
        facility=standing.facility, number=last.number + 1 if last else 1, effective_from=effective_from,
        tier_version=chosen.version, price_list=chosen.price_list, **copied,
    )  # fmt: skip
    contract = standing.contract.pk if standing.contract else 0
    token = f"{contract}.{standing.last.number if standing.last else 0}.{chosen.price_list.pk}.{effective_from}"
    return Proposal(chosen, version, _months(standing, version), token)


@transaction.atomic
def take(
    facility: Facility, tier_version_id: int, *, effective_from: date, token: str, name: str, by: User,
    source_address: str | None, actor: Actor, now: datetime, today: date,
) -> ContractVersion:  # fmt: skip
    """Agree on what was proposed and sign it: both or neither. A first contract begins then, too.

    Raises AlreadyChanged, NotOffered and what contracts.agreeing raises.
    """
    lock_names([f"contracts/{facility.pk}"])
    standing = standing_of(facility, today=today)
    proposal = propose(standing, tier_version_id, effective_from=effective_from)
    if proposal.token != token:
        raise AlreadyChanged(_("What is agreed has changed since these amounts were shown"))
    chosen = proposal.chosen
    if standing.contract and standing.is_in_force:
        version = amend(
            standing.contract, effective_from=effective_from, tier_version=chosen.version,
            price_list=chosen.price_list, actor=actor, now=now, by=by,
        )  # fmt: skip
    else:
        contract = draft(
            facility, tier_version=chosen.version, price_list=chosen.price_list, starts_on=effective_from,
            actor=actor, now=now, by=by,
        )  # fmt: skip
        version = contract.versions.select_related("tier_version").get()
    accept(version, name=name, by=by, source_address=source_address, actor=actor, now=now)
    return version


@transaction.atomic
def accept(
    version: ContractVersion, *, name: str, by: User, source_address: str | None, actor: Actor, now: datetime
) -> None:
    """Sign a version; a draft is in force with that, unless staff is to approve it first."""
    sign(version, name=name, by=by, source_address=source_address, actor=actor, now=now)
    if version.contract.state == State.DRAFT:
        with suppress(NeedsApproval):
            activate(version.contract, by=by, actor=actor, now=now)


def _months(standing: Standing, version: ContractVersion) -> list[MonthChange]:
    """This month and the next, rated without the change and with it."""
    contract, versions = standing.contract, standing.versions
    if contract is None or not standing.is_in_force:
        contract, versions = Contract(pk=0, facility=standing.facility, starts_on=version.effective_from), []
    found = []
    for month in (first_day(standing.today), next_month(standing.today)):
        before = _rated(standing, contract, versions, month)
        found.append(MonthChange(month, before, _rated(standing, contract, [*versions, version], month)))
    return found


def _rated(
    standing: Standing, contract: Contract, versions: Sequence[ContractVersion], month: date
) -> dict[Part, Decimal]:
    return expected_charges(contract, versions, month, currency=standing.currency, today=standing.today)
