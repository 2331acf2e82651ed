"""Sealed collections as a collector makes them, by the format's description alone (docs/api.md)."""

import io
import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

import pyrage
from pyrage import x25519

from apps.core.sealing import recipient


def manifest_of(files: Mapping[str, bytes], *, collection: UUID, facility: str) -> dict[str, Any]:
    """`files` are named by their source."""
    return {
        "version": 1,
        "collection": str(collection),
        "facility": facility,
        "terminal": None,
        "method": "visit",
        "operator": "K. Mori",
        "medium_serial": "SN-1",
        "collected_at": "2026-11-20T09:00:00Z",
        "software": "test",
        "files": [
            {
                "name": f"files/{n:06d}.dcm",
                "source": source,
                "sha256": sha256(content).hexdigest(),
                "length": len(content),
            }
            for n, (source, content) in enumerate(files.items(), 1)
        ],
        "left": [],
    }


def sealed(files: Mapping[str, bytes], manifest: Any, *, to: str | None = None) -> bytes:
    """The files in an age file to the center, or to somebody else."""
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        for n, content in enumerate(files.values(), 1):
            archive.writestr(f"files/{n:06d}.dcm", content)
        if manifest is not None:
            archive.writestr("manifest.json", manifest if isinstance(manifest, bytes) else json.dumps(manifest))
    return bytes(pyrage.encrypt(plain.getvalue(), [x25519.Recipient.from_str(to or recipient())]))
