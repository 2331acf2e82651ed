"""The check of media: every file of every medium is read back from what was produced and compared."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Protocol, cast

from apps.audit.signing import NotSigned, checked
from apps.catalog.models import Instance
from apps.orders.digests import digest_of, read_digest_list
from apps.orders.errors import OutputDiffers
from apps.orders.kinds.bundle import Part, members
from apps.orders.kinds.medium.container import ReadLocked, ReadZip
from apps.orders.kinds.medium.image import ReadImage
from apps.orders.kinds.medium.names import CONTAINER, DIGESTS, LABELS, README, STATEMENT
from apps.orders.models import Order
from apps.orders.statement import TYP


class ReadMedium(Protocol):
    """A medium, read back."""

    paths: set[str]

    def pieces(self, path: str) -> Iterator[bytes]:
        """The content of a file."""


def read_media(output: BinaryIO, password: str = "") -> Iterator[ReadMedium]:
    """The media of an output; what a container holds, where they have a password. Raises OutputDiffers."""
    found = members(output)
    if found.pop(LABELS, (0, 0)) == (0, 0):
        raise OutputDiffers("The output has no labels")
    for name, extent in found.items():
        part = cast(BinaryIO, Part(output, *extent))
        medium = ReadImage(part) if name.endswith(".iso") else ReadZip(part)
        if not password:
            yield medium
            continue
        if medium.paths != {README, CONTAINER}:
            raise OutputDiffers("A medium with a password holds something without it")
        yield ReadLocked(medium.opened(CONTAINER), password)


def check_media(order: Order, images: Iterable[Instance], output: BinaryIO, password: str = "") -> None:
    """Every file against its medium's digests, every image against the catalog's. Raises OutputDiffers."""
    told: dict[str, str] = {}
    for medium in read_media(output, password):
        digests = read_digest_list(_content(medium, DIGESTS))
        if {*digests, DIGESTS, STATEMENT} != medium.paths:
            raise OutputDiffers("A medium does not hold what its list of digests says")
        for path, digest in digests.items():
            if digest_of(medium.pieces(path)) != digest:
                raise OutputDiffers(f"{path} of a medium is not what was written")
        claims = _claims(medium)
        if claims["order"] != str(order.uid) or any(
            digests.get(each["name"]) != each["sha256"] for each in claims["files"]
        ):
            raise OutputDiffers("The statement is not about what the medium holds")
        told |= {each["sop_instance_uid"]: each["sha256"] for each in claims["files"]}
    if told != {each.sop_instance_uid: bytes(each.sha256).hex() for each in images}:
        raise OutputDiffers("The output does not hold what was ordered")


def _claims(medium: ReadMedium) -> Mapping[str, Any]:
    try:
        return checked(_content(medium, STATEMENT).decode("ascii", "replace"), typ=TYP)
    except NotSigned as error:
        raise OutputDiffers("The statement cannot be read back") from error


def _content(medium: ReadMedium, path: str) -> bytes:
    if path not in medium.paths:
        raise OutputDiffers(f"A medium has no {path}")
    return b"".join(medium.pieces(path))
