"""A terminal offers collectors that come by its images, sealed to the center: they carry what they cannot read."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from medvault_edge.admission import Caller, admitted
from medvault_edge.collecting import Visit, collect
from medvault_edge.errors import NoRoom, NotPermitted, NotVerified, Refused
from medvault_edge.passes import Passes
from medvault_edge.receipt_page import receipt_page, write_receipt
from medvault_edge.receipts import Receipt, verify
from medvault_edge.signing import sign
from medvault_edge.source import RECEIPTS
from medvault_edge.state import Device, Facility, Sealed, State
from medvault_edge.telling import counted
from medvault_edge.visits import OFFER, as_offered

NONCE_S, TOKEN_S = 60.0, 12 * 3600.0


@dataclass(frozen=True, slots=True)
class Offered:
    """What one visit opens: these collections, to who came."""

    caller: Caller
    uids: frozenset[str]


@dataclass(slots=True)
class Offering:
    """A terminal's folders. Threads share it; each opens what the terminal remembers for itself."""

    home: Path
    folders: list[Path]
    settled_s: float
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    _nonces: Passes[bool] = field(default_factory=lambda: Passes(NONCE_S), init=False)
    _visits: Passes[Offered] = field(default_factory=lambda: Passes(TOKEN_S), init=False)

    def challenge(self) -> dict[str, str]:
        """Who this terminal is, and a nonce that a visit must name."""
        with closing(State(self.home)) as state:
            device, facility = state.device(), state.facility()
        return {"nonce": self._nonces.give(True), "terminal": device.uid, "facility": facility.slug}

    def offer(self, visit: str) -> str:
        """Collect what is new, and offer all that has not reached the center yet, signed. Raises EdgeError."""
        with closing(State(self.home)) as state:
            device, facility = state.device(), state.facility()
            caller = admitted(visit, device, facility.slug, self._nonces)
            told = self._collected(caller, facility, state)
            carried = state.collections("carried", facility=facility.slug)
        now = self.clock()
        token = self._visits.give(Offered(caller, frozenset(each.uid for each in carried)))
        self.say(f"Collector {caller.collector[:8]} is offered {counted(sum(each.files for each in carried), 'image')}")
        claims = {
            "nonce": caller.nonce, "facility": facility.slug, "terminal": device.uid, "iat": int(now.timestamp()),
            "token": token, "collections": [as_offered(each) for each in carried], **told,
        }  # fmt: skip
        return sign(device, claims, typ=OFFER)

    def sealed(self, token: str, uid: str) -> Path:
        """The sealed file of an offered collection. Raises NotPermitted, Refused."""
        self._offered(token, uid)
        with closing(State(self.home)) as state:
            path = state.sealed_path(uid)
        if not path.exists():
            raise Refused("The collection is not here any more: the center has stored it")
        return path

    def receipted(self, token: str, uid: str, text: str) -> list[str]:
        """Keep a collector's receipt of a collection in the first folder; the names of what was written there.

        One that it gave before stays as it was. Raises NotPermitted, NotVerified.
        """
        caller = self._offered(token, uid)
        with closing(State(self.home)) as state:
            device, facility = state.device(), state.facility()
            receipt = verify(text, device.jwks)
            [sealed] = [each for each in state.collections() if each.uid == uid]
        if not _is_of(receipt, sealed, caller):
            raise NotVerified("The receipt is not of this collection and visit")
        name = f"{sealed.made_at[:10]}-{uid[:8]}-{caller.collector[:8]}"
        if not (self.folders[0] / RECEIPTS / f"{name}.jws").exists():
            page = _page(device, facility, receipt, sealed)
            return [path.name for path in write_receipt(self.folders[0], name, text, page)]
        return [f"{name}.jws", f"{name}.html"]

    def _offered(self, token: str, uid: str) -> Caller:
        offered = self._visits.look(token)
        if offered is None or uid not in offered.uids:
            raise NotPermitted("This was not offered, or too long ago. Visit again")
        return offered.caller

    def _collected(self, caller: Caller, facility: Facility, state: State) -> dict[str, Any]:
        """Counts of what stays. What was sealed before the disk was full is offered nevertheless."""
        visit = Visit(facility.slug, "", "visit", caller.operator, caller.medium_serial, is_carried=True)
        known, unmarked, left, problem = 0, 0, Counter[str](), ""
        now = self.clock()
        try:
            for folder in self.folders:
                collected = collect(folder, visit, state, now=now, progress=lambda _size: None,
                                    changed_before=time.time() - self.settled_s)  # fmt: skip
                known, unmarked = known + collected.known, unmarked + collected.unmarked
                left.update(collected.left_by_reason)
        except NoRoom as error:
            problem = str(error)
        return {"known": known, "unmarked": unmarked, "left": left, "problem": problem}


def _is_of(receipt: Receipt, sealed: Sealed, caller: Caller) -> bool:
    expected: dict[str, Any] = {
        "kind": "received", "facility": sealed.facility, "collection": sealed.uid, "terminal": sealed.terminal,
        "operator": caller.operator, "medium_serial": caller.medium_serial, "sealed_sha256": sealed.sealed_sha256,
        "sealed_length": sealed.sealed_length, "files": sealed.files, "sets": [],
    }  # fmt: skip
    said = {name: receipt.claims.get(name) for name in expected}
    return receipt.signer == caller.collector and said == expected


def _page(device: Device, facility: Facility, receipt: Receipt, sealed: Sealed) -> str:
    counts = {"Images": f"{sealed.files:,}", "Size": f"{sealed.length:,} bytes"}
    try:
        about = receipt.claims | {"collected_at": receipt.claims["received_at"]}
        return receipt_page(device.center_name, receipt.signer, facility, about, counts)
    except (KeyError, TypeError, ValueError) as error:
        raise NotVerified("This is no receipt") from error
