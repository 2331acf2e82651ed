"""The forms in which images leave the center. Each says what of it has a price, and how it is produced and checked."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from apps.catalog.models import Instance
from apps.orders.kinds.deidentified import Deidentified
from apps.orders.kinds.download import Download
from apps.orders.kinds.film import Film
from apps.orders.kinds.medium import Medium
from apps.orders.kinds.paper import Paper
from apps.orders.kinds.restore import Restore
from apps.orders.kinds.share import Share
from apps.orders.kinds.transfer import Transfer
from apps.orders.models import Order, OrderKind
from apps.orders.options import Options
from apps.orders.quoting import Counted, Extent

Progress = Callable[[int], None]


class Kind(Protocol):
    """How one kind of order is done."""

    suffix: str
    """Of the file that is produced, with its dot."""
    content_type: str
    """Of the file."""
    is_fetched: bool
    """Whether the facility may fetch the file."""
    options: type[Options]
    """What can be chosen beyond the images."""

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:
        """What of so much has a price. Raises InvalidOptions where it cannot be of so much."""

    def produce(self, order: Order, images: Iterable[Instance], target: Path, progress: Progress) -> None:
        """Write the output to a file that is not there yet; `progress` takes the bytes that were added.

        `images` may be gone through again and again. Both end the production, where it is called off, by an exception
        that is to pass. Raises MissingPack, VaultUnavailable, OSError.
        """

    def check(self, order: Order, images: Iterable[Instance], output: BinaryIO) -> None:
        """Read the output back and compare it with the catalog. Raises OutputDiffers."""


KINDS: dict[str, Kind] = {
    OrderKind.DOWNLOAD: Download(),
    OrderKind.FILM: Film(),
    OrderKind.PAPER: Paper(),
    OrderKind.MEDIUM: Medium(),
    OrderKind.DEIDENTIFIED: Deidentified(),
    OrderKind.SHARE: Share(),
    OrderKind.TRANSFER: Transfer(),
    OrderKind.RESTORE: Restore(),
}
