"""Handing over: sealed collections go to the center; each is wiped here only after its stored receipt was verified."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from medvault_edge.center import Center
from medvault_edge.errors import EdgeError, NotVerified, Refused
from medvault_edge.receipts import Receipt, verify
from medvault_edge.state import Sealed, State
from medvault_edge.tus import upload

Progress = Callable[[Sealed, int], None]
POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class Handed:
    """How far a collection is now; `problem` says what stood in the way, if something did."""

    collection: Sealed
    state: str
    problem: str = ""


def hand_over(state: State, *, facility: str = "", progress: Progress) -> list[Handed]:
    """Send every sealed collection, and look how far those are that were sent. One that fails holds up no other.

    What was agreed anew of the terminals is learnt on the way: at a visit the center may be out of reach.
    """
    for served in state.facilities():
        if facility in {"", served.slug}:
            with suppress(EdgeError), Center(state.device().center_url, served.token) as center:
                state.set_terminals(served.slug, center.terminals(served.slug))
    return [
        _one(state, each, progress) for each in state.collections("sealed", "uploaded", "received", facility=facility)
    ]


def wait_until_stored(state: State, *, facility: str = "", timeout_s: float) -> bool:
    """Look again and again until everything that was sent is stored or failed; False when time is over."""
    deadline = time.monotonic() + timeout_s
    while pending := state.collections("uploaded", "received", facility=facility):
        for each in pending:
            _one(state, each, lambda _sealed, _offset: None)
        if state.collections("uploaded", "received", facility=facility):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
    return True


def keep(state: State, token: str, facility: str) -> Receipt:
    """Verify a receipt of the center's, keep it, and wipe what it says is stored. Raises NotVerified."""
    receipt = verify(token, state.device().jwks)
    if receipt.facility != facility or receipt.signer != "center":
        raise NotVerified("The receipt is not the center's for this facility")
    lost = state.keep_receipt(facility, receipt.collection, receipt.kind, token, receipt.arrived())
    ours = [each for each in state.collections(facility=facility) if each.uid == receipt.collection]
    if ours and lost:
        reason = f"{lost} files did not reach the center; they will be collected again"
        state.advance(receipt.collection, "incomplete", reason=reason)
    elif ours and receipt.kind == "stored" and ours[0].state != "incomplete":
        state.advance(receipt.collection, "stored")
        state.sealed_path(receipt.collection).unlink(missing_ok=True)
    elif ours and ours[0].state in {"sealed", "carried", "uploaded"}:
        state.advance(receipt.collection, "received")
    return receipt


def _one(state: State, sealed: Sealed, progress: Progress) -> Handed:
    try:
        with Center(state.device().center_url, state.facility(sealed.facility).token) as center:
            if sealed.state == "sealed":
                _send(center, state, sealed, progress)
            told = center.collection(sealed.facility, sealed.uid)
            if told["state"] == "failed":
                state.advance(sealed.uid, "failed", reason=str(told.get("reason", ""))[:300])
                return Handed(sealed, "failed", str(told.get("reason", "")))
            for token in center.receipts_of(sealed.facility, sealed.uid).values():
                if token:
                    keep(state, token, sealed.facility)
    except EdgeError as error:
        return Handed(sealed, _now(state, sealed), str(error))
    return Handed(sealed, _now(state, sealed))


def _send(center: Center, state: State, sealed: Sealed, progress: Progress) -> None:
    path = state.sealed_path(sealed.uid)
    if not path.exists():
        state.advance(sealed.uid, "failed", reason="The sealed file is gone")
        raise Refused("The sealed file is gone; what it held will be collected again")
    upload(
        center,
        path,
        uploads_url=f"/api/v1/f/{sealed.facility}/uploads/",
        metadata={"collection": sealed.uid, "sha256": sealed.sealed_sha256},
        known_url=sealed.upload_url,
        on_begun=lambda url: state.note_upload(sealed.uid, url),
        progress=lambda offset: progress(sealed, offset),
    )
    state.advance(sealed.uid, "uploaded")


def _now(state: State, sealed: Sealed) -> str:
    return next(each.state for each in state.collections() if each.uid == sealed.uid)
