"""The plan as programs get it: what is agreed, what is offered, what a change costs."""

from typing import Any

from rest_framework import serializers

from apps.billing.changing import MonthChange, Proposal
from apps.billing.offering import Offered
from apps.billing.simulating import URGENCIES, Outcome, Part
from apps.contracts.models import Contract, ContractVersion
from apps.contracts.models import State as ContractState
from apps.tiers.models import UNITS, Frequency, Item, Way


class MoneyField(serializers.DecimalField):
    """An amount, before tax."""

    def __init__(self, **given: Any) -> None:
        super().__init__(max_digits=14, decimal_places=2, **given)


class VersionSerializer(serializers.ModelSerializer[ContractVersion]):
    """What is agreed from a day on; `is_agreed` is false while staff has not approved it."""

    id = serializers.IntegerField()
    tier = serializers.CharField(source="tier_version.tier.name")
    tier_version = serializers.IntegerField(source="tier_version_id")
    is_agreed = serializers.BooleanField()

    class Meta:
        model = ContractVersion
        fields = (
            "id", "number", "effective_from", "tier", "tier_version", "is_agreed", "minimum_term", "notice_period",
            "discount_percent", "minimum_commitment", "payment_days", "on_expiry", "notice_days", "on_silence",
            "minimum_period", "charges_custody",
        )  # fmt: skip


class ContractSerializer(serializers.ModelSerializer[Contract]):
    """The contract in force or about to be."""

    number = serializers.CharField(source="__str__")
    state = serializers.ChoiceField(choices=ContractState.choices)

    class Meta:
        model = Contract
        fields = ("number", "uid", "state", "currency", "starts_on", "notice_on", "ends_on", "suspended_at")


class PlanSerializer(serializers.Serializer[Any]):
    """What a facility has agreed on. `agreed` governs today; `waiting` is for staff to approve."""

    contract = ContractSerializer(allow_null=True)
    currency = serializers.CharField()
    agreed = VersionSerializer(allow_null=True)
    versions = VersionSerializer(many=True)
    waiting = VersionSerializer(many=True)
    next_visit_on = serializers.DateField(
        allow_null=True, help_text="the next visit that the contract promises; where nobody comes it is credited"
    )
    could_end_on = serializers.DateField(allow_null=True)


class AskedSerializer(serializers.Serializer[Any]):
    """What the simulator is asked. With `studies` and `mb` an estimate takes the place of the facility's own months."""

    urgency = serializers.ChoiceField(choices=URGENCIES, required=False, help_text="days until every image is safe")
    budget = MoneyField(min_value=1, max_value=10**9, required=False, help_text="a month")
    studies = serializers.IntegerField(min_value=0, max_value=5000, required=False, help_text="on a weekday")
    mb = serializers.DecimalField(
        max_digits=8, decimal_places=1, min_value=1, max_value=100_000, required=False, help_text="of a study"
    )
    films = serializers.IntegerField(min_value=0, max_value=100_000, required=False, help_text="a month")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("studies" in attrs) != ("mb" in attrs):
            raise serializers.ValidationError({"studies": "An estimate needs both studies and mb"})
        return attrs


class TierPriceSerializer(serializers.Serializer[Any]):
    """The price of a unit of an item; `included` units a month cost nothing."""

    item = serializers.ChoiceField(choices=Item.choices)
    unit = serializers.CharField()
    unit_price = serializers.DecimalField(max_digits=14, decimal_places=6)
    included = serializers.DecimalField(max_digits=12, decimal_places=3)


class PartSerializer(serializers.Serializer[Any]):
    """What a sum is for."""

    part = serializers.ChoiceField(choices=Part.choices)
    amount = MoneyField()


class OfferedTierSerializer(serializers.Serializer[Any]):
    """A tier: what it promises, its prices, and what the months replayed would have come to with it."""

    tier_version = serializers.IntegerField()
    name = serializers.CharField()
    summary = serializers.CharField()
    frequency = serializers.ChoiceField(choices=Frequency.choices)
    ways = serializers.ListField(child=serializers.ChoiceField(choices=Way.choices))
    is_agreed = serializers.BooleanField()
    is_best = serializers.BooleanField()
    needs_approval = serializers.BooleanField()
    prices = TierPriceSerializer(many=True)
    a_month = MoneyField()
    a_year = MoneyField()
    parts_of_a_year = PartSerializer(many=True)
    waits_days = serializers.IntegerField()
    days_at_risk = serializers.IntegerField()
    full_days = serializers.IntegerField()


class TiersSerializer(serializers.Serializer[Any]):
    """The tiers side by side. `months` that were replayed; without any, amounts are nothing and none is best."""

    currency = serializers.CharField()
    months = serializers.IntegerField()
    is_estimate = serializers.BooleanField()
    reason = serializers.CharField()
    tiers = OfferedTierSerializer(many=True)


class MonthSerializer(serializers.Serializer[Any]):
    """What a month comes to before and after a change, before tax, and by part."""

    month = serializers.DateField()
    before = MoneyField()
    after = MoneyField()
    difference = MoneyField()
    parts_before = PartSerializer(many=True)
    parts_after = PartSerializer(many=True)


class ProposalSerializer(serializers.Serializer[Any]):
    """A change that can be agreed on; `change` stands for exactly these amounts."""

    change = serializers.CharField()
    effective_from = serializers.DateField()
    months = MonthSerializer(many=True)


class ProposalsSerializer(serializers.Serializer[Any]):
    """From now, or from the next month."""

    tier_version = serializers.IntegerField()
    currency = serializers.CharField()
    proposals = ProposalSerializer(many=True)


class TakeSerializer(serializers.Serializer[Any]):
    """Which of the proposals, and who signs."""

    change = serializers.CharField(max_length=80)
    name = serializers.CharField(max_length=150)


class NameSerializer(serializers.Serializer[Any]):
    """Who signs: a full name."""

    name = serializers.CharField(max_length=150)


class EndSerializer(serializers.Serializer[Any]):
    """The first day that is not served any more."""

    ends_on = serializers.DateField()


def told_proposal(proposal: Proposal) -> dict[str, Any]:
    """A proposal, for ProposalSerializer."""
    return {
        "change": proposal.token,
        "effective_from": proposal.version.effective_from,
        "months": [_month(each) for each in proposal.months],
    }


def told_offer(each: Offered, outcome: Outcome, *, is_best: bool) -> dict[str, Any]:
    """A tier, for OfferedTierSerializer."""
    version, prices = each.version, each.offer.terms.prices
    return {
        "tier_version": version.pk,
        "name": version.tier.name,
        "summary": version.tier.summary,
        "frequency": version.frequency,
        "ways": version.ways,
        "is_agreed": each.is_agreed,
        "is_best": is_best,
        "needs_approval": version.needs_approval,
        "prices": [
            {
                "item": item,
                "unit": str(UNITS[item]),
                "unit_price": prices[item].unit_price,
                "included": prices[item].included,
            }
            for item in Item
            if item in prices
        ],
        "a_month": outcome.a_month,
        "a_year": outcome.a_year,
        "parts_of_a_year": _parts(outcome.parts),
        "waits_days": outcome.waits_days,
        "days_at_risk": outcome.days_at_risk,
        "full_days": outcome.full_days,
    }


def _month(change: MonthChange) -> dict[str, Any]:
    before, after = change.totals
    return {
        "month": change.month,
        "before": before,
        "after": after,
        "difference": change.difference,
        "parts_before": _parts(change.before),
        "parts_after": _parts(change.after),
    }


def _parts(sums: dict[Part, Any]) -> list[dict[str, Any]]:
    return [{"part": part, "amount": amount} for part, amount in sums.items()]
