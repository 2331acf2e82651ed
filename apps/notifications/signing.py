"""Signatures of webhook messages by the Standard Webhooks specification (https://www.standardwebhooks.com)."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime
from hmac import digest

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as receivers' libraries take it: whsec_ and 32 random bytes in base64."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(message_id: str, at: datetime, body: bytes, secrets_in_use: Iterable[str]) -> dict[str, str]:
    """`webhook-id`, `webhook-timestamp`, `webhook-signature`: one signature for each secret, so that both the new and
    the one before are good while a receiver changes over.
    """
    timestamp = str(int(at.timestamp()))
    content = b".".join([message_id.encode(), timestamp.encode(), body])
    signatures = [f"v1,{b64encode(digest(_key(secret), content, 'sha256')).decode()}" for secret in secrets_in_use]
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def _key(secret: str) -> bytes:
    return b64decode(secret.removeprefix(PREFIX))
