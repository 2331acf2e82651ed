"""Collecting from a folder: what is new goes, sealed, into this device; the facility gets a signed receipt."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from medvault_edge import SOFTWARE
from medvault_edge.errors import Changed, NotUsable
from medvault_edge.gathering import Gathered, Left, gather
from medvault_edge.marking import Rule
from medvault_edge.receipt_page import receipt_page, write_receipt
from medvault_edge.receipts import sign_received
from medvault_edge.sealing import Progress, parts, seal
from medvault_edge.source import Image, read_folder
from medvault_edge.state import Device, Facility, Sealed, State


@dataclass(frozen=True, slots=True)
class Visit:
    """How a collection is made: method visit, push or media. `is_carried`: a collector on the LAN takes it along."""

    facility: str = ""
    terminal: str = ""
    method: str = "visit"
    operator: str = ""
    medium_serial: str = ""
    is_carried: bool = False


@dataclass(slots=True)
class Collected:
    """What came of it. `receipts`: files written back to the folder."""

    collections: list[Sealed] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    known: int = 0
    unmarked: int = 0
    receipts: list[Path] = field(default_factory=list)

    @property
    def files(self) -> int:
        return sum(each.files for each in self.collections)

    @property
    def length(self) -> int:
        return sum(each.length for each in self.collections)

    @property
    def left_by_reason(self) -> dict[str, int]:
        return dict(Counter(each.reason for each in self.left))


def collect(
    folder: Path, visit: Visit, state: State, *, now: datetime, progress: Progress,
    changed_before: float | None = None, receipts: Path | None = None,
) -> Collected:  # fmt: skip
    """Collect what is new in a folder. Raises NotUsable, NotEnrolled, NoRoom.

    Collections that are sealed before something fails stay: what they hold is collected. Receipts are written to
    `receipts`, by default the folder itself, and where that cannot be written to this device's home.
    """
    if not folder.is_dir():
        raise NotUsable("There is no such folder")
    with state.collecting():
        return _collect(folder, visit, state, now, progress, changed_before, receipts or folder)


def _collect(
    folder: Path, visit: Visit, state: State, now: datetime, progress: Progress, changed_before: float | None,
    receipts: Path,
) -> Collected:  # fmt: skip
    device, facility = state.device(), state.facility(visit.facility)
    terminal = terminal_of(facility, visit.terminal)
    gathered = gathered_in(folder, facility, terminal, state, changed_before=changed_before)
    collected = Collected(left=gathered.left, known=gathered.known, unmarked=len(gathered.unmarked))
    pending = list(parts(gathered.images))
    while pending:
        images = pending.pop(0)
        about = _about(visit, facility, terminal, now)
        try:
            left = collected.left if not collected.collections else []
            sealed = _seal(images, left, about, device, state, progress, "carried" if visit.is_carried else "sealed")
        except Changed as change:
            collected.left += [
                Left(each.source, "changed", None, each.length) for each in images if each.source == change.source
            ]
            if remaining := [each for each in images if each.source != change.source]:
                pending.insert(0, remaining)
            continue
        collected.collections.append(sealed)
        if visit.method != "push" and not visit.is_carried:
            places = (receipts, state.home)
            collected.receipts += _write_receipt(places, device, facility, about, images, now)
    return collected


def gathered_in(
    folder: Path, facility: Facility, terminal: dict[str, Any] | None, state: State, *, changed_before: float | None
) -> Gathered:
    """What a collection of the folder would take now."""
    told = terminal or {}
    rule = Rule.told(told.get("rule", {}))
    found = read_folder(folder, state, changed_before=changed_before, tag=rule.tag_number)
    return gather(
        found,
        rule,
        is_collected=lambda digest: state.is_collected(facility.slug, digest),
        agreed_instances=told.get("agreed_instances"),
        agreed_bytes=told.get("agreed_bytes"),
    )


def terminal_of(facility: Facility, wanted: str) -> dict[str, Any] | None:
    """The facility's terminal of that identifier or name; the only one where none is given. Raises NotUsable."""
    found = [each for each in facility.terminals if wanted in {"", each["uid"], each["name"]}]
    if wanted and not found:
        raise NotUsable("The facility has no such terminal")
    if len(found) > 1:
        raise NotUsable("Say which terminal: --terminal " + " | ".join(each["name"] for each in found))
    return found[0] if found else None


def _about(visit: Visit, facility: Facility, terminal: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    return {
        "collection": str(uuid4()),
        "facility": facility.slug,
        "terminal": terminal["uid"] if terminal else None,
        "method": visit.method,
        "operator": visit.operator,
        "medium_serial": visit.medium_serial,
        "collected_at": now.isoformat(timespec="seconds"),
        "software": SOFTWARE,
    }


def _seal(
    images: list[Image], left: list[Left], about: dict[str, Any], device: Device, state: State, progress: Progress,
    becomes: str,
) -> Sealed:  # fmt: skip
    uid = about["collection"]
    path = state.sealed_path(uid)
    written = seal(images, left, about, recipient=device.recipient, to=path, progress=progress)
    sealed = Sealed(
        uid=uid, facility=about["facility"], terminal=about["terminal"], method=about["method"],
        made_at=about["collected_at"], sealed_sha256=written.sha256, sealed_length=written.length, files=len(images),
        length=sum(each.length for each in images), left_count=len(left), state=becomes, reason="", upload_url="",
    )  # fmt: skip
    wrapped = [(image.original_sha256, image.sha256) for image in images if image.original_sha256]
    try:
        state.add_collection(sealed, [(image.sha256, image.length) for image in images], wrapped)
    except BaseException:
        path.unlink()
        raise
    return sealed


def _write_receipt(
    places: tuple[Path, ...], device: Device, facility: Facility, about: dict[str, Any], images: list[Image],
    now: datetime,
) -> list[Path]:  # fmt: skip
    counts = {
        "Studies": f"{len({image.study for image in images}):,}",
        "Images": f"{len(images):,}",
        "Size": f"{sum(image.length for image in images):,} bytes",
    }
    page = receipt_page(device.center_name, device.name, facility, about, counts)
    token = sign_received(device, about, images, now=now)
    name = f"{about['collected_at'][:10]}-{about['collection'][:8]}"
    return next(filter(None, (write_receipt(place, name, token, page) for place in places)), [])
