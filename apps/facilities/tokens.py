"""Device tokens: issued once, recognized by their digest, revocable."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from apps.audit.record import Actor, record
from apps.core.errors import DomainError
from apps.facilities.models import DeviceToken, Facility, Scope
from apps.facilities.tenancy import as_facility

LAST_USE_PRECISION = timedelta(minutes=1)  # a row written at every request would be the busiest of the database


class UnknownToken(DomainError):
    """No usable token has this secret."""

    code = "unknown_token"

    def __init__(self) -> None:
        super().__init__("The token is unknown, revoked or expired")


def issue_token(
    facility: Facility, *, label: str, scopes: Iterable[Scope], actor: Actor, expires_at: datetime | None = None
) -> tuple[DeviceToken, str]:
    """A new token and its secret, which is not kept and cannot be shown again."""
    secret = DeviceToken.SECRET_PREFIX + secrets.token_urlsafe(32)
    with as_facility(facility):
        token = DeviceToken.objects.create(
            facility=facility,
            label=label,
            token_sha256=_digest(secret),
            scopes=[Scope(scope) for scope in scopes],
            expires_at=expires_at,
        )
        record("token.issued", actor=actor, object_type="device_token", object_id=token.pk, facility_id=facility.pk,
               scopes=token.scopes)  # fmt: skip
    return token, secret


def revoke_token(token: DeviceToken, *, actor: Actor) -> None:
    """End a token at once; again it changes nothing."""
    with as_facility(token.facility_id):
        if DeviceToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            record("token.revoked", actor=actor, object_type="device_token", object_id=token.pk,
                   facility_id=token.facility_id)  # fmt: skip


def widen_token(token: DeviceToken, scope: Scope, *, actor: Actor) -> None:
    """Let a token that is in use do something more; again it changes nothing."""
    with as_facility(token.facility_id):
        current = DeviceToken.objects.select_for_update().get(pk=token.pk)
        if scope in current.scopes or not current.is_usable:
            return
        current.scopes.append(scope)
        current.save(update_fields=["scopes"])
        record("token.widened", actor=actor, object_type="device_token", object_id=token.pk,
               facility_id=token.facility_id, scopes=current.scopes)  # fmt: skip


def recognize(secret: str) -> DeviceToken:
    """The usable token with this secret, its facility loaded. Raises UnknownToken. Within `as_center`, whose end notes
    the use: a request that takes its time must not keep the next one waiting for the row.
    """
    token = DeviceToken.objects.select_related("facility").filter(token_sha256=_digest(secret)).first()
    if token is None or not token.is_usable:
        raise UnknownToken
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USE_PRECISION:
        transaction.on_commit(partial(_note_use, token, now), robust=True)
    return token


def _note_use(token: DeviceToken, now: datetime) -> None:
    with as_facility(token.facility_id):
        DeviceToken.objects.filter(pk=token.pk).update(last_used_at=now)


def bearer_token(request: HttpRequest) -> str | None:
    """The secret of `Authorization: Bearer …` (RFC 6750, 2.1)."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" and secret.strip() else None


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
