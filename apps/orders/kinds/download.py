"""Download: a ZIP of the original files byte for byte, with a list of their digests and a signed statement."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from apps.orders.models import Order
from apps.orders.options import Options
from apps.orders.quoting import Counted, Extent
from apps.orders.statement import TYP, signed_statement
from apps.tiers.models import Item

DIGESTS, STATEMENT = "DIGESTS.txt", "STATEMENT.jws"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READ_ONLY_FILE = 0o100444 << 16


class Download:
    """Names within the ZIP are numbers of study, series and image: they hold no patient data."""

    suffix = ".zip"
    content_type = "application/zip"
    options = Options

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:  # noqa: ARG002 however large it is
        return [Counted(Item.DOWNLOAD, Decimal(1))]

    def produce(
        self, order: Order, instances: Sequence[Instance], target: Path, progress: Callable[[int], None]
    ) -> None:
        named = list(numbered(instances))
        with ZipFile(target, "x", ZIP_STORED) as archive:
            for name, instance in named:
                with archive.open(member(name), "w", force_zip64=True) as file:
                    for piece in instance_pieces(instance):
                        file.write(piece)
                        progress(len(piece))
            archive.writestr(member(DIGESTS), _digests(named))
            archive.writestr(member(STATEMENT), signed_statement(order, named))

    def check(self, order: Order, instances: Sequence[Instance], output: BinaryIO) -> None:
        named = list(numbered(instances))
        try:
            with ZipFile(output) as archive:
                if archive.namelist() != [*(name for name, _ in named), DIGESTS, STATEMENT]:
                    raise OutputDiffers("The output does not hold what was ordered")
                for name, instance in named:
                    if _digest(archive, name) != bytes(instance.sha256).hex():
                        raise OutputDiffers(f"{name} of the output is not what is stored")
                if archive.read(DIGESTS).decode() != _digests(named):
                    raise OutputDiffers("The list of digests is not that of what is stored")
                claims = checked(archive.read(STATEMENT).decode(), typ=TYP)
        except (BadZipFile, NotSigned, UnicodeDecodeError) as error:
            raise OutputDiffers("The output cannot be read back") from error
        told = [(each["name"], each["sha256"]) for each in claims["files"]]
        if told != [(name, bytes(each.sha256).hex()) for name, each in named] or claims["order"] != str(order.uid):
            raise OutputDiffers("The statement is not about what is stored")


def numbered(instances: Iterable[Instance]) -> Iterator[tuple[str, Instance]]:
    """Each image with its name in the ZIP; they come study by study, series by series."""
    for study, (_, of_study) in enumerate(groupby(instances, key=attrgetter("series.study_id")), 1):
        for series, (_, of_series) in enumerate(groupby(of_study, key=attrgetter("series_id")), 1):
            for number, instance in enumerate(of_series, 1):
                yield f"{study:03d}/{series:03d}/{number:06d}.dcm", instance


def _digests(named: Sequence[tuple[str, Instance]]) -> str:
    """As `sha256sum --check` reads it."""
    return digest_list({name: bytes(instance.sha256).hex() for name, instance in named})


def member(name: str, kind: Callable[..., Any] = ZipInfo) -> Any:
    """A member of an output, whose time says nothing; `kind`: as the ZIP's library has them."""
    info = kind(name, _EPOCH)
    info.external_attr = _READ_ONLY_FILE
    return info


def _digest(archive: ZipFile, name: str) -> str:
    with archive.open(name) as opened:
        return digest_of(pieces_of(cast(BinaryIO, opened)))
