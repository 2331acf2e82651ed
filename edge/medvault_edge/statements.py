"""What else the center signs, checked offline: evidence reports, checkpoints of the log, deletion certificates."""

from dataclasses import dataclass
from typing import Any

from medvault_edge.errors import NotVerified
from medvault_edge.signing import CENTER, opened, typ_of

KINDS = {
    "medvault-evidence+jwt": "evidence report",
    "medvault-checkpoint+jwt": "checkpoint",
    "medvault-deletion+jwt": "deletion certificate",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose signature was checked."""

    kind: str
    claims: dict[str, Any]

    @property
    def facility(self) -> str:
        return str(self.claims["facility"])


def is_statement(token: str) -> bool:
    """Whether a text says that it is one; its signature is not looked at."""
    return typ_of(token) in KINDS


def verify_statement(token: str, jwks: dict[str, Any]) -> Statement:
    """The statement, if the center signed it. Raises NotVerified."""
    typ = typ_of(token)
    claims, signer = opened(token, jwks, typ=typ)
    if signer != CENTER or typ not in KINDS or "facility" not in claims:
        raise NotVerified("This is no statement of the center")
    return Statement(KINDS[typ], claims)
