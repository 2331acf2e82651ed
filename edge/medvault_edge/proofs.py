"""Proofs against the center's signed heads of its record, checked offline.

Of a receipt: that it is on the record, as it is. Of two heads: that the later record begins with the earlier one, so
that nothing of it was changed.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from medvault_edge.errors import NotVerified
from medvault_edge.merkle import root_over, roots_over
from medvault_edge.receipts import verify
from medvault_edge.statements import Statement, verify_statement


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof has shown, and until when the record was signed. `since`: when the receipt was put on it."""

    kind: str
    facility: str
    until: str
    files: int = 0
    since: str = ""


def verify_proof(text: str, jwks: dict[str, Any]) -> Proved:
    """What is shown, every signature and every hash checked. Raises NotVerified."""
    try:
        told = json.loads(text)
        return _receipt(told, jwks) if "receipt" in told else _consistency(told, jwks)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotVerified("This is no proof") from error


def _receipt(told: dict[str, Any], jwks: dict[str, Any]) -> Proved:
    receipt, head = verify(told["receipt"], jwks), _head(told["checkpoint"], jwks)
    leaf = json.loads(told["leaf"])
    is_of_it = leaf["details"]["sha256"] == sha256(told["receipt"].encode()).hexdigest()
    if not is_of_it or leaf["action"] != f"receipt.{receipt.kind}" or receipt.facility != head.facility:
        raise NotVerified("The record tells of another receipt")
    root = root_over(told["leaf"].encode(), index=told["index"], size=_size(head), path=_hashes(told["path"]))
    if root.hex() != head.claims["root"]:
        raise NotVerified("The receipt is not on the record that the center signed")
    return Proved("receipt on record", head.facility, str(head.claims["until"]), receipt.count, str(leaf["at"]))


def _consistency(told: dict[str, Any], jwks: dict[str, Any]) -> Proved:
    first, second = _head(told["first"], jwks), _head(told["second"], jwks)
    if first.facility != second.facility:
        raise NotVerified("These are records of two facilities")
    if _size(first):  # every record begins with an empty one
        signed = bytes.fromhex(first.claims["root"]), bytes.fromhex(second.claims["root"])
        path = _hashes(told["path"])
        if roots_over(path, first=_size(first), second=_size(second), first_root=signed[0]) != signed:
            raise NotVerified("The later record does not begin with the earlier one: it was changed")
    return Proved("unchanged record", second.facility, str(second.claims["until"]))


def _head(token: str, jwks: dict[str, Any]) -> Statement:
    statement = verify_statement(token, jwks)
    if statement.kind != "checkpoint":
        raise NotVerified("This is no signed head of a record")
    return statement


def _size(head: Statement) -> int:
    return int(head.claims["size"])


def _hashes(told: list[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in told]
