"""Medium: discs or a stick per IHE PDI, with a viewer that opens from the files, checked against what is stored.

What makes and checks them is imported by who does so alone: pycdlib and pyzipper take a while.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO

from apps.catalog.models import Instance
from apps.orders.kinds.medium.options import CARRIERS, MediumOptions
from apps.orders.kinds.medium.placing import require_fit
from apps.orders.models import Order
from apps.orders.options import Options
from apps.orders.passwords import password_of
from apps.orders.quoting import Counted, Extent, require_bearable
from apps.tiers.models import Item

BESIDE_IMAGES = 1.1
"""How much more than the images a medium is reckoned to hold: pictures, lists."""


class Medium:
    """One output holds all media of an order, each a disc image or the content of a stick, and their labels."""

    suffix = ".zip"
    content_type = "application/zip"
    is_fetched = False
    options: type[Options] = MediumOptions

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:
        carrier = CARRIERS[options["carrier"]]
        require_bearable(extent)
        require_fit(extent.largest_bytes, carrier)
        media = ceil(extent.size_bytes * BESIDE_IMAGES / carrier.capacity) if carrier.capacity else 1
        return [Counted(Item.MEDIUM, Decimal(media * options["copies"])), Counted(Item.DELIVERY, Decimal(1))]

    def produce(self, order: Order, images: Iterable[Instance], target: Path, progress: Callable[[int], None]) -> None:
        from apps.orders.kinds.medium.making import make_media  # noqa: PLC0415 see above

        make_media(order, images, target, progress, password=_password(order))

    def check(self, order: Order, images: Iterable[Instance], output: BinaryIO) -> None:
        from apps.orders.kinds.medium.checking import check_media  # noqa: PLC0415 see above

        check_media(order, images, output, _password(order))


def _password(order: Order) -> str:
    return password_of(order) if order.options["is_protected"] else ""
