"""Which images a production could not be made of, and why: for staff, who mend the vault and have it produced again."""

import time
from collections.abc import Iterable
from hashlib import sha256

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.catalog.bytes import instance_pieces
from apps.catalog.models import Instance
from apps.core.errors import DomainError
from apps.orders.errors import OutputDiffers
from apps.orders.models import Fault, Output
from apps.vault.errors import DigestMismatch, MissingPack, VaultUnavailable

MOST, LONGEST_S = 100, 600.0
_OF_IMAGES = (MissingPack, DigestMismatch, OutputDiffers)


def note_faults(output: Output, images: Iterable[Instance], error: DomainError) -> str:
    """Read every image again and write down those that are not what was received, as many as a person reads; within
    the caller's transaction. Returns what is to be said of the production: where no image is to blame, the error.
    """
    if not isinstance(error, _OF_IMAGES):
        return error.message
    found, until = list[Fault](), time.monotonic() + LONGEST_S
    for instance in images:
        try:
            why = _fault_of(instance)
        except VaultUnavailable as unavailable:  # says nothing of any image
            return unavailable.message
        if why:
            found.append(Fault(facility_id=output.facility_id, output=output, why=why[:300],
                               sop_instance_uid=instance.sop_instance_uid))  # fmt: skip
        if len(found) == MOST or time.monotonic() > until:
            break
    if not found:
        return error.message
    Fault.objects.bulk_create(found)
    told = ngettext("%(count)d image is not readable as it was received", "%(count)d images are not readable as they"
                    " were received", len(found)) % {"count": len(found)}  # fmt: skip
    return told if len(found) < MOST else _("%(told)s, and maybe more") % {"told": told}


def _fault_of(instance: Instance) -> str:
    """Why the image is not what was received; empty where it is. Raises VaultUnavailable."""
    digest = sha256()
    try:
        for piece in instance_pieces(instance):
            digest.update(piece)
    except VaultUnavailable:
        raise
    except DomainError as error:
        return error.message
    return "" if digest.digest() == bytes(instance.sha256) else _("Its bytes are not those that were received")
