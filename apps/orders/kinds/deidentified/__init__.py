"""De-identified copy: a ZIP of images for teaching and second opinions, without what says whose they are."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, ZipFile

from django.template.loader import render_to_string
from django.utils.translation import gettext

from apps.catalog.bounds import Unreadable
from apps.catalog.models import Instance, Study
from apps.catalog.preview import NotRenderable
from apps.orders.digests import digest_list
from apps.orders.errors import NothingChosen
from apps.orders.kinds.deidentified.checking import README, check_copies
from apps.orders.kinds.deidentified.copying import changed_head, read_instance
from apps.orders.kinds.deidentified.doubts import doubt_in
from apps.orders.kinds.deidentified.options import DeidentifiedOptions
from apps.orders.kinds.deidentified.profile import METHOD, Profile
from apps.orders.kinds.download import DIGESTS, member, numbered
from apps.orders.models import Order
from apps.orders.options import Options
from apps.orders.quoting import Counted, Extent, require_bearable
from apps.tiers.models import Item


class Deidentified:
    """There is no signed statement: it names the facility, and the originals by their UIDs."""

    suffix = ".zip"
    content_type = "application/zip"
    is_fetched = True
    options: type[Options] = DeidentifiedOptions

    def count(self, extent: Extent, options: Mapping[str, Any]) -> Iterable[Counted]:  # noqa: ARG002 whatever is kept
        require_bearable(extent)
        return [Counted(Item.DOWNLOAD, Decimal(1))]

    def produce(self, order: Order, images: Iterable[Instance], target: Path, progress: Callable[[int], None]) -> None:
        profile = _profile(order)
        patients = _patients(order, images)
        left_out: dict[str, str] = {}
        doubted: dict[str, str] = {}
        digests: dict[str, str] = {}
        with ZipFile(target, "x", ZIP_STORED) as archive:
            for name, instance in numbered(images):
                if reason := _not_copied(instance):
                    left_out[name] = reason
                    continue
                try:
                    pixels = read_instance(instance)
                    doubt = doubt_in(pixels.content.data_set)
                    if doubt and order.options["doubtful"] == "left_out":
                        left_out[name] = doubt
                        continue
                    head = changed_head(pixels, profile, patient=patients[instance.series.study_id])
                except (Unreadable, NotRenderable):
                    left_out[name] = gettext("it cannot be read whole")
                    continue
                if doubt:
                    doubted[name] = doubt
                digests[name] = _write(archive, name, chain([head], pixels.pieces()))
                progress(instance.length_bytes)
            if not digests:
                raise NothingChosen(gettext("No image of the order can be given out without what identifies"))
            told = {"method": METHOD, "codes": profile.codes, "left_out": left_out, "doubted": doubted}
            readme = render_to_string("orders/deidentified_readme.txt", told).encode()
            digests[README] = _write(archive, README, [readme])
            _write(archive, DIGESTS, [digest_list(digests).encode()])

    def check(self, order: Order, images: Iterable[Instance], output: BinaryIO) -> None:
        check_copies(images, output, keeps_intervals=order.options["keeps_intervals"])


def _profile(order: Order) -> Profile:
    kept = ("keeps_intervals", "keeps_characteristics", "keeps_descriptions")
    return Profile(secrets.token_bytes(32), *(order.options[each] for each in kept))


def _patients(order: Order, images: Iterable[Instance]) -> dict[int, int]:
    """The number of each study's patient, as they come."""
    wanted = dict.fromkeys(each.series.study_id for each in images)
    found = dict(Study.objects.filter(facility_id=order.facility_id, pk__in=wanted).values_list("pk", "patient_id"))
    numbers = {patient: number for number, patient in enumerate(dict.fromkeys(found[study] for study in wanted), 1)}
    return {study: numbers[found[study]] for study in wanted}


def _not_copied(instance: Instance) -> str:
    """Why nothing of an object is given out, whatever its header says."""
    if not instance.has_pixel_data:
        return gettext("it is no picture: what it says may identify")
    is_known = instance.sop_class_uid and instance.transfer_syntax_uid
    return "" if is_known else gettext("it does not say what it is or how it is encoded")


def _write(archive: ZipFile, name: str, pieces: Iterable[bytes]) -> str:
    """Write a member and return its SHA-256."""
    digest = sha256()
    with archive.open(member(name), "w", force_zip64=True) as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()
