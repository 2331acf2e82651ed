"""Download: a ZIP of the original files byte for byte, with a list of their digests and a signed statement."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from apps.audit.signing import NotSigned, checked
from apps.catalog.bytes import instance_pieces
from apps.catalog.models import Instance
from apps.orders.digests import digest_list, digest_of, pieces_of
from apps.orders.errors import OutputDiffers
from apps.orders.manifest import Entry, entry_of
from apps.orders.models import Order
from apps.orders.options import Options
from apps.orders.quoting import Counted, Extent, require_bearable
from apps.orders.statement import TYP, signed_statement
from apps.tiers.models import Item

DIGESTS, STATEMENT = "DIGESTS.txt", "STATEMENT.jws"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READ_ONLY_FILE = 0o100444 << 16


class Download:
    """Names within the ZIP are numbers of study, series and image: they hold no patient data."""

    suffix = ".zip"
    content_type = "application/zip"
    is_fetched = True
    options = Options

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:  # noqa: ARG002 nothing is chosen
        require_bearable(extent)
        return [Counted(Item.DOWNLOAD, Decimal(1))]

    def produce(self, order: Order, images: Iterable[Instance], target: Path, progress: Callable[[int], None]) -> None:
        entries: list[Entry] = []
        with ZipFile(target, "x", ZIP_STORED) as archive:
            for name, instance in numbered(images):
                with archive.open(member(name), "w", force_zip64=True) as file:
                    for piece in instance_pieces(instance):
                        file.write(piece)
                        progress(len(piece))
                entries.append(entry_of(name, instance))
            archive.writestr(member(DIGESTS), _digests(entries))
            archive.writestr(member(STATEMENT), signed_statement(order, entries))

    def check(self, order: Order, images: Iterable[Instance], output: BinaryIO) -> None:
        entries = [entry_of(name, instance) for name, instance in numbered(images)]
        try:
            with ZipFile(output) as archive:
                if archive.namelist() != [*(each["name"] for each in entries), DIGESTS, STATEMENT]:
                    raise OutputDiffers("The output does not hold what was ordered")
                for each in entries:
                    if _digest(archive, each["name"]) != each["sha256"]:
                        raise OutputDiffers(f"{each['name']} of the output is not what is stored")
                if archive.read(DIGESTS).decode() != _digests(entries):
                    raise OutputDiffers("The list of digests is not that of what is stored")
                claims = checked(archive.read(STATEMENT).decode(), typ=TYP)
        except (BadZipFile, NotSigned, UnicodeDecodeError) as error:
            raise OutputDiffers("The output cannot be read back") from error
        if claims["files"] != entries or claims["order"] != str(order.uid):
            raise OutputDiffers("The statement is not about what is stored")


def numbered(instances: Iterable[Instance]) -> Iterator[tuple[str, Instance]]:
    """Each image with its name in the ZIP; they come study by study, series by series."""
    for study, (_, of_study) in enumerate(groupby(instances, key=attrgetter("series.study_id")), 1):
        for series, (_, of_series) in enumerate(groupby(of_study, key=attrgetter("series_id")), 1):
            for number, instance in enumerate(of_series, 1):
                yield f"{study:03d}/{series:03d}/{number:06d}.dcm", instance


def _digests(entries: Iterable[Entry]) -> str:
    """As `sha256sum --check` reads it."""
    return digest_list({each["name"]: each["sha256"] for each in entries})


def member(name: str, kind: Callable[..., Any] = ZipInfo) -> Any:
    """A member of an output, whose time says nothing; `kind`: as the ZIP's library has them."""
    info = kind(name, _EPOCH)
    info.external_attr = _READ_ONLY_FILE
    return info


def _digest(archive: ZipFile, name: str) -> str:
    with archive.open(name) as opened:
        return digest_of(pieces_of(cast(BinaryIO, opened)))
