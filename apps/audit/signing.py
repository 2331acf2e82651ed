"""The center's signature: JWS (RFC 7515) with Ed25519 (RFC 8037), and the public keys to check it with.

Keys lie in settings.KEYS. The newest signs; all are published, so that what was signed before can still be checked.
"""

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, OKPKey

from apps.core.errors import DomainError
from apps.core.key_files import key_files

ALGORITHM = "EdDSA"  # RFC 9864 would have "Ed25519", which many libraries do not know yet
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)


class _Registry(jws.JWSRegistry):
    """A receipt names every file of a collection, which is more than the library takes by itself."""

    max_payload_length = 64 * 1024 * 1024


class NotSigned(DomainError):
    """A text is no JWS of the kind it should be, or its signature is not of the key it should be."""

    code = "not_signed"


def sign(claims: dict[str, Any], *, typ: str) -> str:
    """A compact JWS of the claims by the center; `typ` says what they are (RFC 7515, 4.1.9)."""
    key = _keys()[-1]
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": typ}
    content = json.dumps(claims, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return jws.serialize_compact(header, content, key, algorithms=[ALGORITHM])


def checked(token: str, *, typ: str) -> dict[str, Any]:
    """The claims of a JWS of the center's. Raises NotSigned."""
    return checked_with(token, KeySet(list(_keys())), typ=typ)


def checked_with(token: str, key: OKPKey | KeySet, *, typ: str) -> dict[str, Any]:
    """The claims of a JWS signed with `key`. Raises NotSigned."""
    try:
        opened = jws.deserialize_compact(token, key, registry=_Registry(algorithms=[ALGORITHM]))
        claims = json.loads(opened.payload)
    except (JoseError, ValueError) as error:
        raise NotSigned("The signature is not one of the expected key") from error
    if opened.headers().get("typ") != typ or not isinstance(claims, dict):
        raise NotSigned(f"This is no {typ}")
    return cast(dict[str, Any], claims)


def published_keys() -> dict[str, Any]:
    """The public keys as a JWK Set (RFC 7517, 5); `kid` is the thumbprint of RFC 7638."""
    return {"keys": [public_jwk(key) for key in reversed(_keys())]}


def public_jwk(key: OKPKey) -> dict[str, Any]:
    """A key without its private part."""
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "alg": ALGORITHM, "use": "sig"}


def _keys() -> tuple[OKPKey, ...]:
    return tuple(map(_loaded, key_files(settings.KEYS, "signing", _new_key)))


def _new_key() -> str:
    return json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))


@cache
def _loaded(path: Path) -> OKPKey:
    return OKPKey.import_key(json.loads(path.read_text()))
