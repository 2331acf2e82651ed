"""What contracts agree on, as rating takes it. Price lists that a contract uses never change: each is read once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.billing.rating import Priced, Terms
from apps.contracts.models import Contract, ContractVersion
from apps.tiers.models import Price


@dataclass(slots=True)
class PriceBook:
    """The prices of price lists, by item."""

    lists: dict[int, dict[str, Priced]] = field(default_factory=dict)

    def learn(self, price_lists: Iterable[int]) -> None:
        """Read those that are not known yet."""
        unknown = set(price_lists) - self.lists.keys()
        if not unknown:
            return
        self.lists |= {key: {} for key in unknown}
        for price in Price.objects.filter(price_list_id__in=unknown):
            self.lists[price.price_list_id][price.item] = Priced(price.unit_price, price.included)

    def terms(self, version: ContractVersion) -> Terms:
        """A version's terms; its price list is known."""
        return Terms(
            number=version.number,
            effective_from=version.effective_from,
            tier=str(version.tier_version.tier),
            prices=self.lists[version.price_list_id],
            urgent_factor=version.price_list.urgent_factor,
            discount_percent=version.discount_percent,
            minimum_commitment=version.minimum_commitment,
        )


def versions_of(contracts: Iterable[Contract]) -> dict[int, list[ContractVersion]]:
    """The versions of each contract that are agreed on, by number."""
    keys = {contract.pk: contract.facility_id for contract in contracts}
    found = defaultdict[int, list[ContractVersion]](list)
    rows = ContractVersion.objects.agreed().filter(facility_id__in=set(keys.values()), contract_id__in=keys)
    for version in rows.select_related("tier_version__tier", "price_list").order_by("contract_id", "number"):
        found[version.contract_id].append(version)
    return found
