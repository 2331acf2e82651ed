"""Signed words (JWS, EdDSA): the center's, and its devices', which carry the certificate the center gave them."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, OKPKey

from medvault_edge.errors import NotUsable, NotVerified
from medvault_edge.state import Device

ALGORITHM, CERTIFICATE = "EdDSA", "medvault-device+jwt"
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)


class _Registry(jws.JWSRegistry):
    """A receipt names every file of a collection, which is more than the library takes by itself."""

    max_payload_length = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key signed: the center's, or that of a device it certified, a terminal or a collector."""

    kind: str
    uid: str = ""


CENTER = Signer("center")


def sign(device: Device, claims: Mapping[str, Any], *, typ: str) -> str:
    """Claims, signed by this device; its certificate is among them."""
    key = OKPKey.import_key(device.jwk)
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": typ}
    content = json.dumps({**claims, "certificate": device.certificate}, separators=(",", ":"))
    return jws.serialize_compact(header, content, key, algorithms=[ALGORITHM])


def opened(token: str, jwks: dict[str, Any], *, typ: str) -> tuple[dict[str, Any], Signer]:
    """The claims and who signed them: the center, or a device it certified. Raises NotVerified."""
    keys = KeySet.import_key_set({"keys": jwks["keys"]})
    claims = _claims_unchecked(token)
    if "certificate" not in claims:
        return _checked(token, keys, typ), CENTER
    certificate = _checked(str(claims["certificate"]), keys, CERTIFICATE)
    signer = Signer(str(certificate["kind"]), str(certificate["sub"]))
    return _checked(token, OKPKey.import_key(certificate["cnf"]["jwk"]), typ), signer


def keys_in(text: str) -> dict[str, Any]:
    """A center's published keys (JWK Set, RFC 7517, 5). Raises NotUsable where a text holds none."""
    try:
        jwks: dict[str, Any] = {"keys": json.loads(text)["keys"]}
        KeySet.import_key_set(jwks)  # type: ignore[arg-type]
    except (JoseError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotUsable(
            "The file of keys holds none: it is what the center has at /.well-known/medvault-jwks.json"
        ) from error
    return jwks


def typ_of(token: str) -> str:
    """What a text says that it is (RFC 7515, 4.1.9), unchecked; "" where it is not signed at all."""
    try:
        return str(jws.extract_compact(token.encode(), registry=_Registry()).headers().get("typ", ""))
    except (JoseError, ValueError):
        return ""


def _checked(token: str, key: OKPKey | KeySet, typ: str) -> dict[str, Any]:
    try:
        found = jws.deserialize_compact(token, key, registry=_Registry(algorithms=[ALGORITHM]))
        claims = json.loads(found.payload)
    except (JoseError, ValueError) as error:
        raise NotVerified("The signature is not of a key that is trusted here") from error
    if found.headers().get("typ") != typ or not isinstance(claims, dict):
        raise NotVerified("This is signed, but not what it should be")
    return claims


def _claims_unchecked(token: str) -> dict[str, Any]:
    try:
        claims = json.loads(jws.extract_compact(token.encode(), registry=_Registry()).payload)
    except (JoseError, ValueError) as error:
        raise NotVerified("This is not signed") from error
    if not isinstance(claims, dict):
        raise NotVerified("This is not signed")
    return claims
