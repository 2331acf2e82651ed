"""What a collector and a terminal on the LAN say to each other, each with its signature.

The collector asks with a visit; the terminal answers with an offer, bound to it by the nonce the terminal gave.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from medvault_edge.errors import NotVerified
from medvault_edge.state import Sealed

VISIT, OFFER = "medvault-visit+jwt", "medvault-offer+jwt"
_TEXTS = ("uid", "facility", "terminal", "made_at", "sealed_sha256")
_NUMBERS = ("sealed_length", "files", "length", "left_count")


def as_offered(sealed: Sealed) -> dict[str, Any]:
    """What a collector learns of a sealed collection: nothing of what is in it."""
    return {name: getattr(sealed, name) for name in (*_TEXTS, *_NUMBERS)}


def as_sealed(offered: Mapping[str, Any], *, facility: str, terminal: str) -> Sealed:
    """The collection as the collector that carries it notes it. Raises NotVerified where it is another's or none."""
    try:
        texts = {name: str(offered[name]) for name in _TEXTS}
        numbers = {name: int(offered[name]) for name in _NUMBERS}
        uid = str(UUID(texts["uid"]))
    except (KeyError, TypeError, ValueError) as error:
        raise NotVerified("The terminal's offer is malformed") from error
    is_whole = re.fullmatch("[0-9a-f]{64}", texts["sealed_sha256"]) and min(numbers.values()) >= 0
    if not is_whole or uid != texts["uid"] or (texts["facility"], texts["terminal"]) != (facility, terminal):
        raise NotVerified("The terminal's offer is malformed, or another's")
    return Sealed(
        uid=uid, facility=facility, terminal=terminal, method="visit", made_at=texts["made_at"],
        sealed_sha256=texts["sealed_sha256"], sealed_length=numbers["sealed_length"], files=numbers["files"],
        length=numbers["length"], left_count=numbers["left_count"], state="sealed", reason="", upload_url="",
    )  # fmt: skip
