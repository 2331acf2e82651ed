"""Media are made: images, and what can be shown of them, go on discs or sticks, which are written into a bundle."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from io import SEEK_END
from itertools import groupby
from pathlib import Path

from apps.catalog.bytes import instance_pieces
from apps.catalog.models import Instance, Study
from apps.orders.digests import digest_list
from apps.orders.errors import OutputDiffers
from apps.orders.kinds.bundle import Bundle
from apps.orders.kinds.medium.container import write_locked, write_zip
from apps.orders.kinds.medium.dicomdir import dicomdir, leaf_of
from apps.orders.kinds.medium.files import MediumFile, Store, file_at, file_of
from apps.orders.kinds.medium.image import write_image
from apps.orders.kinds.medium.label import labels
from apps.orders.kinds.medium.names import CONTAINER, DICOMDIR, DIGESTS, LABELS, STATEMENT
from apps.orders.kinds.medium.options import CARRIERS, Carrier
from apps.orders.kinds.medium.pages import locked_readme, page_files
from apps.orders.kinds.medium.placing import FileSet, Item, Placed, placed, require_fit, split
from apps.orders.kinds.medium.showing import shown
from apps.orders.manifest import entry_of
from apps.orders.models import Order
from apps.orders.statement import signed_statement

Progress = Callable[[int], None]


def make_media(
    order: Order, images: Iterable[Instance], target: Path, progress: Progress, *, password: str
) -> None:  # fmt: skip
    """All media of an order and their labels, in one bundle. Raises as kinds.Kind.produce."""
    carrier, instances = CARRIERS[order.options["carrier"]], list(images)
    _with_studies(order, instances)
    with closing(Store(target.with_name("shown"))) as store, closing(Bundle(target)) as bundle:
        file_sets = _file_sets(order, instances, store, carrier, progress)
        for file_set in file_sets:
            files = list(_files(file_set, store, progress))
            if password:
                aside = target.with_name("locked")
                write_locked(aside, files, password=password)
                files = [locked_readme(file_set), file_at(CONTAINER, aside)]
            _write(bundle, file_set, files, carrier)
            target.with_name("locked").unlink(missing_ok=True)
        assert order.requested_at
        with bundle.member(LABELS) as member:
            member.write(labels(order, file_sets, is_disc=carrier.is_disc, at=order.requested_at))
        bundle.finish()


def _with_studies(order: Order, instances: Sequence[Instance]) -> None:
    """Give the series their studies, which are many images' each."""
    found = Study.objects.filter(facility_id=order.facility_id).select_related("patient")
    studies = found.in_bulk({each.series.study_id for each in instances})
    for each in instances:
        each.series.study = studies[each.series.study_id]


def _file_sets(
    order: Order, instances: Sequence[Instance], store: Store, carrier: Carrier, progress: Progress
) -> list[FileSet]:  # fmt: skip
    require_fit(max(each.length_bytes for each in instances), carrier)
    media = split(list(_items(instances, store, progress)), carrier)
    return [FileSet(order, number, len(media), list(placed(items))) for number, items in enumerate(media, 1)]


def _items(instances: Sequence[Instance], store: Store, progress: Progress) -> Iterator[Item]:
    for _, of_series in groupby(shown(instances, store), key=lambda each: each[0].series_id):
        for number, (instance, what) in enumerate(of_series, 1):
            leaf, unlisted = leaf_of(instance, number)
            yield Item(instance, what, leaf, unlisted)
            progress(0)


def _files(file_set: FileSet, store: Store, progress: Progress) -> Iterator[MediumFile]:
    """All files of a medium, the list of their digests and the statement last."""
    order, number = file_set.order, file_set.number
    listed = [
        *page_files(file_set, store),
        file_of(DICOMDIR, dicomdir(file_set.placed, order=order.uid, number=number, file_set_id=file_set.name)),
        *(_original(each, progress) for each in file_set.placed),
    ]
    yield from listed
    yield file_of(DIGESTS, digest_list({file.path: file.sha256 for file in listed}).encode())
    images = [entry_of("/".join(each.file_id), each.item.instance) for each in file_set.placed]
    yield file_of(STATEMENT, signed_statement(order, images).encode())


def _original(each: Placed, progress: Progress) -> MediumFile:
    instance = each.item.instance
    pieces = partial(_counted, instance, progress)
    return MediumFile("/".join(each.file_id), instance.length_bytes, bytes(instance.sha256).hex(), pieces)


def _counted(instance: Instance, progress: Progress) -> Iterator[bytes]:
    for piece in instance_pieces(instance):
        yield piece
        progress(len(piece))


def _write(bundle: Bundle, file_set: FileSet, files: Sequence[MediumFile], carrier: Carrier) -> None:
    name = f"{file_set.order}-{file_set.number}{'.iso' if carrier.is_disc else '.zip'}"
    with bundle.member(name) as member:
        if carrier.is_disc:
            write_image(member, files, name=file_set.name)
        else:
            write_zip(member, files)
        if carrier.capacity and member.seek(0, SEEK_END) > carrier.capacity:
            raise OutputDiffers("A disc image is larger than its disc")
