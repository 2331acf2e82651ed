"""Receipts: the center's signed word (JWS, EdDSA), checked with the keys it gave at the enrolment, offline.

A collector signs a receipt of kind `received` itself at a visit; its certificate says that the center knows its key.
That one tells the facility who took what; only the center's `stored` says that it may be deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from medvault_edge.errors import NotVerified
from medvault_edge.signing import CENTER, opened, sign
from medvault_edge.source import Image
from medvault_edge.state import Device, Sealed

TYP = "medvault-receipt+jwt"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose signature was checked. `signer`: center, or the collector's uid."""

    claims: dict[str, Any]
    signer: str

    @property
    def kind(self) -> str:
        return str(self.claims["kind"])

    @property
    def collection(self) -> str:
        return str(self.claims["collection"])

    @property
    def facility(self) -> str:
        return str(self.claims["facility"])

    def files(self) -> Iterator[dict[str, Any]]:
        """Every file it tells of: sha256, length, status."""
        for each in self.claims["sets"]:
            yield from each["files"]

    @property
    def count(self) -> int:
        """How many files it tells of; who carried them sealed names their number alone."""
        return int(self.claims["files"]) if "files" in self.claims else len(list(self.files()))

    def stored(self) -> set[tuple[str, int]]:
        """SHA-256 and length of what may be deleted here: told as stored, by the center, in a receipt of that kind."""
        if self.kind != "stored" or self.signer != "center":
            return set()
        return {(file["sha256"], file["length"]) for file in self.files() if file["status"] == "stored"}

    def arrived(self) -> set[str]:
        """SHA-256 of all that reached the center, whatever became of it."""
        refused = {each["sha256"] for each in self.claims.get("not_kept", [])}
        return refused | {file["sha256"] for file in self.files()}


def verify(token: str, jwks: dict[str, Any]) -> Receipt:
    """The receipt, if the center signed it, or a collector that the center knows. Raises NotVerified."""
    claims, signer = opened(token, jwks, typ=TYP)
    if signer != CENTER and claims.get("kind") != "received":
        raise NotVerified("Only the center can say that images are stored")
    try:
        receipt = Receipt(claims, "center" if signer == CENTER else signer.uid)
        if receipt.kind not in {"received", "stored"} or not receipt.collection or not receipt.facility:
            raise NotVerified("This is no receipt")
        _ = receipt.stored(), receipt.arrived(), receipt.count  # that all is there
    except (KeyError, TypeError, ValueError) as error:
        raise NotVerified("This is no receipt") from error
    return receipt


def sign_received(device: Device, about: dict[str, Any], images: list[Image], *, now: datetime) -> str:
    """The collector's own receipt of what it takes along."""
    sets: dict[str, list[dict[str, Any]]] = {}
    for image in images:
        sets.setdefault(str(image.header.get("StudyInstanceUID", "") or ""), []).append(
            {
                "sha256": image.sha256,
                "length": image.length,
                "sop_instance_uid": str(image.header.get("SOPInstanceUID", "") or ""),
                "status": "received",
            }
        )
    listed = [
        {"study_instance_uid": study, "status": "received", "files": files} for study, files in sorted(sets.items())
    ]
    return sign(device, _received(device, about, now) | {"sets": listed}, typ=TYP)


def sign_carried(device: Device, about: dict[str, Any], sealed: Sealed, *, now: datetime) -> str:
    """The receipt of a collector that carries a sealed file: it cannot see the images, and tells of the file."""
    carried = {"sealed_sha256": sealed.sealed_sha256, "sealed_length": sealed.sealed_length, "files": sealed.files}
    return sign(device, _received(device, about, now) | carried, typ=TYP)


def _received(device: Device, about: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "iss": device.center_url,
        "jti": str(uuid4()),
        "iat": int(now.timestamp()),
        "kind": "received",
        **{name: about[name] for name in ("facility", "collection", "terminal", "method", "operator", "medium_serial")},
        "received_at": about["collected_at"],
        "stored_at": None,
        "sets": [],
        "not_kept": [],
    }
