"""Transfer: the original files go to a registered node. What is produced is the manifest of what is to be sent; once
it is delivered, the report of what the node answered takes its place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

from apps.catalog.models import Instance
from apps.orders.errors import OutputDiffers
from apps.orders.kinds.download import numbered
from apps.orders.manifest import Entry, entry_of, read_manifest, write_manifest
from apps.orders.models import Order
from apps.orders.nodes import NodeOptions
from apps.orders.options import Options
from apps.orders.quoting import Counted, Extent
from apps.tiers.models import Item


class Transfer:
    """To a node, by C-STORE or STOW-RS."""

    suffix = ".jsonl"
    content_type = "application/jsonl"
    is_fetched = True
    options: type[Options] = NodeOptions

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:  # noqa: ARG002 however large it is
        return [Counted(Item.TRANSFER, Decimal(1))]

    def produce(self, order: Order, images: Iterable[Instance], target: Path, progress: Callable[[int], None]) -> None:
        def entries() -> Iterator[Entry]:
            for entry in self.entries(order, images):
                yield entry
                progress(entry["length"])

        write_manifest(target, order, entries())

    def check(self, order: Order, images: Iterable[Instance], output: BinaryIO) -> None:
        claims, found = read_manifest(output)
        if claims["order"] != str(order.uid):
            raise OutputDiffers("The manifest is another order's")
        for entry, stored in zip_longest(found, self.entries(order, images)):
            if entry != stored:
                raise OutputDiffers("The manifest is not about what is stored")

    def entries(self, order: Order, images: Iterable[Instance]) -> Iterator[Entry]:  # noqa: ARG002 further kinds' need
        """What goes out."""
        return (entry_of(name, instance) for name, instance in numbered(images))
