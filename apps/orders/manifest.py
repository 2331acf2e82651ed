"""Manifests: which files go out, one to a line, below the center's signed word on them.

JSON lines, so that a million files are written and read in little memory. The first is `{"statement": JWS}`, whose
claims name the SHA-256 of all that follows it (docs/orders.md).
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from apps.audit.signing import NotSigned, checked, sign
from apps.catalog.models import Instance
from apps.orders.errors import OutputDiffers
from apps.orders.models import Order

TYP = "medvault-manifest+jwt"
Entry = dict[str, Any]
PIECE = 1 << 20


def entry_of(name: str, instance: Instance) -> Entry:
    """The line of an image."""
    return {
        "name": name,
        "sha256": bytes(instance.sha256).hex(),
        "length": instance.length_bytes,
        "sop_instance_uid": instance.sop_instance_uid,
    }


def write_manifest(target: Path, order: Order, entries: Iterable[Entry], **claims: Any) -> None:
    """Write it to a file that is not there yet. Each entry has a `length`."""
    body = target.with_suffix(".lines")
    files, size = 0, 0
    with body.open("x") as lines:
        for entry in entries:
            lines.write(f"{json.dumps(entry, separators=(',', ':'))}\n")
            files, size = files + 1, size + entry["length"]
    with body.open("rb") as lines, target.open("xb") as file:
        about = {
            "iss": settings.PUBLIC_URL, "order": str(order.uid), "facility": order.facility.slug, "kind": order.kind,
            "requested_at": order.requested_at.isoformat() if order.requested_at else None, "files": files,
            "bytes": size, "sha256": file_digest(lines, "sha256").hexdigest(),
        }  # fmt: skip
        statement = sign(about | claims, typ=TYP)
        file.write(f"{json.dumps({'statement': statement})}\n".encode())
        lines.seek(0)
        shutil.copyfileobj(lines, file)
    body.unlink()


def claims_of(file: BinaryIO) -> dict[str, Any]:
    """What the center signed of a manifest, which is left where its entries begin. Raises OutputDiffers."""
    try:
        return checked(str(json.loads(file.readline())["statement"]), typ=TYP)
    except (NotSigned, ValueError, KeyError, TypeError) as error:
        raise OutputDiffers("The manifest is not signed") from error


def read_manifest(file: BinaryIO) -> tuple[dict[str, Any], Iterator[Entry]]:
    """The signed claims, and the entries, whose digest was compared with them. Raises OutputDiffers."""
    claims = claims_of(file)
    start, digest = file.tell(), sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    file.seek(start)
    if digest.hexdigest() != claims["sha256"]:
        raise OutputDiffers("The manifest is not what was signed")
    return claims, (json.loads(line) for line in iter(file.readline, b""))  # Django's files iterate from their start
