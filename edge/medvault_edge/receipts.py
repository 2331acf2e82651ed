"""Receipts: the center's signed word (JWS, EdDSA), checked with the keys it gave at the enrolment, offline.

A collector signs a receipt of kind `received` itself at a visit; its certificate says that the center knows its key.
That one tells the facility who took what; only the center's `stored` says that it may be deleted.
"""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, OKPKey

from medvault_edge.errors import NotVerified
from medvault_edge.source import Image
from medvault_edge.state import Device

TYP, CERTIFICATE = "medvault-receipt+jwt", "medvault-device+jwt"
ALGORITHM = "EdDSA"
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)


class _Registry(jws.JWSRegistry):
    """A receipt names every file of a collection, which is more than the library takes by itself."""

    max_payload_length = 64 * 1024 * 1024


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
    keys = KeySet.import_key_set({"keys": jwks["keys"]})
    claims, signer = _claims_unchecked(token), "center"
    key: OKPKey | KeySet = keys
    if "certificate" in claims:
        certificate = _checked(str(claims["certificate"]), keys, CERTIFICATE)
        key, signer = OKPKey.import_key(certificate["cnf"]["jwk"]), str(certificate["sub"])
    claims = _checked(token, key, TYP)
    if signer != "center" and claims.get("kind") != "received":
        raise NotVerified("Only the center can say that images are stored")
    try:
        receipt = Receipt(claims, signer)
        if receipt.kind not in {"received", "stored"} or not receipt.collection or not receipt.facility:
            raise NotVerified("This is no receipt")
        _ = receipt.stored(), receipt.arrived()  # that all is there
    except (KeyError, TypeError) as error:
        raise NotVerified("This is no receipt") from error
    return receipt


def sign_received(device: Device, about: dict[str, Any], images: list[Image], *, now: datetime) -> str:
    """The collector's own receipt of what it takes along."""
    key = OKPKey.import_key(device.jwk)
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
    claims = {
        "iss": device.center_url,
        "jti": str(uuid4()),
        "iat": int(now.timestamp()),
        "kind": "received",
        **{name: about[name] for name in ("facility", "collection", "terminal", "method", "operator", "medium_serial")},
        "received_at": about["collected_at"],
        "stored_at": None,
        "sets": [
            {"study_instance_uid": study, "status": "received", "files": files} for study, files in sorted(sets.items())
        ],
        "not_kept": [],
        "certificate": device.certificate,
    }
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": TYP}
    return jws.serialize_compact(header, json.dumps(claims, separators=(",", ":")), key, algorithms=[ALGORITHM])


def _checked(token: str, key: OKPKey | KeySet, typ: str) -> dict[str, Any]:
    try:
        opened = jws.deserialize_compact(token, key, registry=_Registry(algorithms=[ALGORITHM]))
        claims = json.loads(opened.payload)
    except (JoseError, ValueError) as error:
        raise NotVerified("The signature is not of a key that is trusted here") from error
    if opened.headers().get("typ") != typ or not isinstance(claims, dict):
        raise NotVerified("This is signed, but no receipt")
    return claims


def _claims_unchecked(token: str) -> dict[str, Any]:
    try:
        claims = json.loads(jws.extract_compact(token.encode(), registry=_Registry()).payload)
    except (JoseError, ValueError) as error:
        raise NotVerified("This is no receipt") from error
    if not isinstance(claims, dict):
        raise NotVerified("This is no receipt")
    return claims
