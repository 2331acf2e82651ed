"""A collector visits a terminal on the LAN: it takes along what the terminal has sealed to the center."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from medvault_edge.collecting import Visit, terminal_of
from medvault_edge.copying import copy
from medvault_edge.errors import NotUsable, NotVerified
from medvault_edge.receipts import sign_carried
from medvault_edge.sealing import Progress
from medvault_edge.signing import opened, sign
from medvault_edge.state import Device, Facility, Sealed, State
from medvault_edge.terminal import TerminalAt
from medvault_edge.visits import OFFER, VISIT, as_sealed


@dataclass(slots=True)
class Visited:
    """What came of it. `receipts`: names of files in the terminal's folder; `problem`: what kept it from all."""

    known: int = 0
    unmarked: int = 0
    left_by_reason: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    collections: list[Sealed] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        return sum(each.files for each in self.collections)

    @property
    def length(self) -> int:
        return sum(each.length for each in self.collections)


def visit(address: str, wanted: Visit, state: State, *, now: datetime, progress: Progress) -> Visited:
    """Take along all that the terminal offers and this collector does not carry yet. Raises EdgeError.

    What was copied before something fails stays: the collector carries it.
    """
    device, facility = state.device(), state.facility(wanted.facility)
    if device.kind != "collector":
        raise NotUsable("This device is enrolled as a terminal; only a collector visits one")
    with TerminalAt(address) as terminal:
        found = terminal.challenge()
        uid, nonce = _known(found, facility, wanted), str(found.get("nonce"))
        meant = replace(wanted, facility=facility.slug, terminal=uid)
        claims = _offer(terminal.visit(_ask(device, meant, nonce, now)), device, meant, nonce)
        visited, offered = _read(claims, meant)
        with state.collecting():
            for each in offered:
                if _is_new(each, state):
                    _take(terminal, each, str(claims.get("token")), state, progress)
                    visited.collections.append(each)
                receipt = sign_carried(device, _about(each, meant, now), each, now=now)
                visited.receipts += terminal.receipted(each.uid, str(claims.get("token")), receipt)
    return visited


def _known(found: dict[str, Any], facility: Facility, wanted: Visit) -> str:
    """The terminal's uid, if it is one that the center has named for the facility, and the one that is meant."""
    uid = str(found.get("terminal"))
    if found.get("facility") != facility.slug or uid not in {each["uid"] for each in facility.terminals}:
        raise NotVerified("This is no terminal that the center has named for the facility")
    if wanted.terminal and uid != (terminal_of(facility, wanted.terminal) or {}).get("uid"):
        raise NotVerified("This is another terminal of the facility")
    return uid


def _ask(device: Device, meant: Visit, nonce: str, now: datetime) -> str:
    claims = {
        "nonce": nonce, "terminal": meant.terminal, "facility": meant.facility, "operator": meant.operator,
        "medium_serial": meant.medium_serial, "iat": int(now.timestamp()),
    }  # fmt: skip
    return sign(device, claims, typ=VISIT)


def _offer(text: str, device: Device, meant: Visit, nonce: str) -> dict[str, Any]:
    """What the terminal signed, if it is the one that was asked, and this is its answer. Raises NotVerified."""
    claims, signer = opened(text, device.jwks, typ=OFFER)
    if (signer.kind, signer.uid) != ("terminal", meant.terminal):
        raise NotVerified("The offer is not the terminal's")
    if (claims.get("nonce"), claims.get("facility"), claims.get("terminal")) != (nonce, meant.facility, meant.terminal):
        raise NotVerified("The offer is another visit's")
    return claims


def _read(claims: dict[str, Any], meant: Visit) -> tuple[Visited, list[Sealed]]:
    try:
        left = {str(reason): int(count) for reason, count in claims["left"].items()}
        visited = Visited(int(claims["known"]), int(claims["unmarked"]), left, str(claims["problem"])[:300])
        listed = list(claims["collections"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotVerified("The terminal's offer is malformed") from error
    return visited, [as_sealed(each, facility=meant.facility, terminal=meant.terminal) for each in listed]


def _is_new(sealed: Sealed, state: State) -> bool:
    return sealed.uid not in {each.uid for each in state.collections() if each.state != "failed"}


def _take(terminal: TerminalAt, sealed: Sealed, token: str, state: State, progress: Progress) -> None:
    path = state.sealed_path(sealed.uid)
    copy(terminal, sealed, token, to=path, progress=progress)
    try:
        state.carry(sealed)
    except BaseException:
        path.unlink()
        raise


def _about(sealed: Sealed, meant: Visit, now: datetime) -> dict[str, Any]:
    return {
        "collection": sealed.uid, "facility": sealed.facility, "terminal": sealed.terminal, "method": "visit",
        "operator": meant.operator, "medium_serial": meant.medium_serial,
        "collected_at": now.isoformat(timespec="seconds"),
    }  # fmt: skip
