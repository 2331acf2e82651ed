"""Enrolment: how a terminal or a collector becomes known, by a code that is read out or typed in once."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from apps.audit.record import Actor, record
from apps.audit.signing import public_jwk, sign
from apps.collection.models import Collector, CollectorFacility, Terminal
from apps.core.errors import DomainError
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.facilities.tokens import issue_token, revoke_token, widen_token

CODE_LIFETIME = timedelta(days=3)
CERTIFICATE = "medvault-device+jwt"
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without I, O, 0 and 1, which are misread
_GROUPS, _GROUP = 4, 4  # 80 bits


class UnknownCode(DomainError):
    """No terminal or collector waits for this code."""

    code = "unknown_code"

    def __init__(self) -> None:
        super().__init__("The code is unknown or was used already. Ask for a new one")


class ExpiredCode(DomainError):
    """The code was given out too long ago."""

    code = "expired_code"

    def __init__(self) -> None:
        super().__init__("The code has expired. Ask for a new one")


class UnusableKey(DomainError):
    """The device's public key is no Ed25519 key."""

    code = "unusable_key"

    def __init__(self) -> None:
        super().__init__("The key is no public Ed25519 key (RFC 8037)")


@dataclass(frozen=True, slots=True)
class Place:
    """A facility that a device may send to, and its token there."""

    facility: Facility
    token: str
    terminals: tuple[Terminal, ...]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a device learns at its enrolment, once."""

    device: Terminal | Collector
    kind: str
    places: tuple[Place, ...]
    certificate: str


def issue_code(device: Terminal | Collector, *, actor: Actor, now: datetime) -> str:
    """A code that enrols the device, once. One issued before ends."""
    code = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    with as_center():
        device.code_sha256, device.code_expires_at = _digest(code), now + CODE_LIFETIME
        device.save(update_fields=["code_sha256", "code_expires_at"])
        _record("code_issued", device, actor)
    return code


def enrol(*, code: str, jwk: dict[str, Any], actor: Actor, now: datetime) -> Enrolled:
    """Give the device that has this code its tokens, and a certificate of its key. The code ends.

    Tokens it had before are revoked: a device that enrols again is a new one. Raises UnknownCode, ExpiredCode,
    UnusableKey.
    """
    key = _public(jwk)
    with as_center():
        device = _waiting_for(_digest(code))
        assert device.code_expires_at
        if device.code_expires_at < now:
            raise ExpiredCode
        places = _places(device, actor)
        device.code_sha256, device.enrolled_at, device.jwk = None, now, public_jwk(key)
        device.save(update_fields=["code_sha256", "enrolled_at", "jwk"])
        _record("enrolled", device, actor)
    kind = _kind(device)
    claims = {
        "iss": settings.PUBLIC_URL,
        "sub": str(device.uid),
        "kind": kind,
        "cnf": {"jwk": device.jwk},
        "iat": int(now.timestamp()),
    }
    return Enrolled(device, kind, places, sign(claims, typ=CERTIFICATE))


def may_restore(terminal: Terminal) -> bool:
    """Whether the terminal may fetch what was ordered to come back. One that enrolled before that existed may not."""
    return terminal.device_token is None or Scope.RESTORE in terminal.device_token.scopes


def allow_restores(terminal: Terminal, *, actor: Actor) -> None:
    """Let it, without enrolling again."""
    if terminal.device_token:
        widen_token(terminal.device_token, Scope.RESTORE, actor=actor)


def revoke_collector(collector: Collector, *, actor: Actor, now: datetime) -> None:
    """End a lost or stolen collector: none of its tokens is taken any more. What it carries is sealed."""
    with as_center():
        for service in CollectorFacility.objects.filter(collector=collector).exclude(device_token=None):
            assert service.device_token
            revoke_token(service.device_token, actor=actor)
        collector.revoked_at, collector.code_sha256 = now, None
        collector.save(update_fields=["revoked_at", "code_sha256"])
        _record("revoked", collector, actor)


def retire_terminal(terminal: Terminal, *, actor: Actor, now: datetime) -> None:
    """End a terminal that was replaced or lost: nothing is taken from it any more. What it has sent stays.

    A successor may have its AE title, address and certificate. Again it changes nothing.
    """
    with as_center():
        ended = Terminal.objects.filter(facility_id=terminal.facility_id, pk=terminal.pk, retired_at=None)
        if not ended.update(retired_at=now, code_sha256=None):
            return
        if terminal.device_token:
            revoke_token(terminal.device_token, actor=actor)
        _record("retired", terminal, actor)


def _waiting_for(digest: bytes) -> Terminal | Collector:
    terminals = Terminal.objects.select_for_update(of=("self",)).select_related("facility", "device_token")
    if terminal := terminals.filter(code_sha256=digest, retired_at=None).first():
        return terminal
    if collector := Collector.objects.select_for_update().filter(code_sha256=digest, revoked_at=None).first():
        return collector
    raise UnknownCode


def _places(device: Terminal | Collector, actor: Actor) -> tuple[Place, ...]:
    if isinstance(device, Terminal):
        secret = _new_token(device, device.facility, str(device), [Scope.HANDOVER, Scope.REPORT, Scope.RESTORE], actor)
        device.save(update_fields=["device_token"])
        return (Place(device.facility, secret, (device,)),)
    places = []
    services = CollectorFacility.objects.filter(collector=device).select_related("facility", "device_token")
    for service in services.order_by("facility__slug"):
        secret = _new_token(service, service.facility, f"Collector {device}", [Scope.HANDOVER], actor)
        service.save(update_fields=["device_token"])
        terminals = Terminal.objects.filter(facility=service.facility, retired_at=None).order_by("pk")
        places.append(Place(service.facility, secret, tuple(terminals)))
    return tuple(places)


def _new_token(
    holder: Terminal | CollectorFacility, facility: Facility, label: str, scopes: list[Scope], actor: Actor
) -> str:
    if holder.device_token:
        revoke_token(holder.device_token, actor=actor)
    holder.device_token, secret = issue_token(facility, label=label, scopes=scopes, actor=actor)
    return secret


def _public(jwk: dict[str, Any]) -> OKPKey:
    try:
        key = OKPKey.import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise UnusableKey from error
    if key.as_dict(private=False).get("crv") != "Ed25519":
        raise UnusableKey
    return key


def _kind(device: Terminal | Collector) -> str:
    return "terminal" if isinstance(device, Terminal) else "collector"


def _record(act: str, device: Terminal | Collector, actor: Actor) -> None:
    facility_id = device.facility_id if isinstance(device, Terminal) else None
    kind = _kind(device)
    record(f"{kind}.{act}", actor=actor, object_type=kind, object_id=device.pk, facility_id=facility_id)


def _digest(code: str) -> bytes:
    return sha256(code.strip().upper().replace("-", "").encode()).digest()
