"""Restoring: what the center gives back comes into a folder, each file as its signed manifest and our receipts say.

Cut anywhere it goes on: a file where it stopped, and none twice that was verified and synced. Memory stays flat.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from io import BufferedRandom
from pathlib import Path
from typing import Any

from medvault_edge.center import Center
from medvault_edge.copying import PAUSES_S
from medvault_edge.errors import EdgeError, NoRoom, NotReachable, NotUsable, NotVerified
from medvault_edge.manifests import Manifest, verify_manifest
from medvault_edge.receipts import verify
from medvault_edge.sealing import sync_folder
from medvault_edge.source import RECEIPTS, digest_of
from medvault_edge.state import State

SYNCED_AT_ONCE, SYNCED_EVERY_S = 200, 5.0
_NAME = re.compile(r"[0-9a-z]+(/[0-9a-z]+)*(\.dcm)?")
_KEY = re.compile(r"[a-z]+-[0-9]+")
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Ready:
    """A restore that lies ready at the center."""

    facility: str
    order: str
    uid: str
    manifest_sha256: str
    manifest_length: int

    @property
    def path(self) -> str:
        """Where it is at the center."""
        return f"/api/v1/f/{self.facility}/restores/{self.uid}"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `receipted`: files that receipts tell as stored, with just these bytes."""

    order: str
    folder: Path
    statement: Path
    files: int
    length: int
    receipted: int


def choose(center: Center, facility: str, order: str) -> Ready:
    """The restore of that number, or the only one there is. Raises NotUsable, EdgeError."""
    found = [each for each in center.restores(facility) if order in {"", each["order"]}]
    if not found:
        what = f"{order} does not lie" if order else "Nothing lies"
        raise NotUsable(f"{what} ready to be restored: it must have been ordered and dispatched")
    if len(found) > 1:
        raise NotUsable("Say which order: --order " + " | ".join(each["order"] for each in found))
    told, manifest = found[0], found[0]["manifest"]
    if not re.fullmatch(r"O-[0-9]+", told["order"]):
        raise NotVerified("The center names an order that is none")
    return Ready(facility, told["order"], str(told["uid"]), str(manifest["sha256"]), int(manifest["length"]))


def restore(
    ready: Ready, folder: Path, state: State, center: Center, *, total: Told, progress: Told,
    pause: Callable[[float], None] = time.sleep,
) -> Restored:  # fmt: skip
    """Fetch everything into a folder of its own below `folder`, and tell the center. Raises EdgeError."""
    fetching = _Fetching(center, pause)
    try:
        (folder / RECEIPTS).mkdir(parents=True, exist_ok=True)
        statement = folder / RECEIPTS / f"{ready.order}.jsonl"
        manifest = _manifest(ready, statement, fetching, state)
        total(manifest.length)
        restoring = _Restoring(ready, folder / ready.order, state, fetching, center, progress)
        restoring.all_of(manifest)
    except OSError as error:
        raise NoRoom("The files cannot be written; is the disk full?") from error
    center.restored(ready.facility, ready.uid, ready.manifest_sha256)
    return Restored(ready.order, folder / ready.order, statement, manifest.count, manifest.length, restoring.receipted)


def _manifest(ready: Ready, path: Path, fetching: "_Fetching", state: State) -> Manifest:
    """The manifest beside the images, verified to be this order's."""
    if not (path.exists() and digest_of(path) == ready.manifest_sha256):
        wanted = Wanted(f"{ready.path}/manifest/", ready.manifest_length, ready.manifest_sha256)
        fetching.fetch(wanted, path, lambda _size: None)
        sync_folder(path.parent)
    manifest = verify_manifest(path, state.device().jwks)
    if (manifest.order, manifest.facility) != (ready.uid, ready.facility):
        raise NotVerified("The manifest is another order's")
    return manifest


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file at the center, and what it must be."""

    path: str
    length: int
    sha256: str


class _Restoring:
    def __init__(
        self, ready: Ready, folder: Path, state: State, fetching: "_Fetching", center: Center, progress: Told
    ) -> None:  # fmt: skip
        self._ready, self._folder, self._state = ready, folder, state
        self._fetching, self._center, self._progress = fetching, center, progress
        self._unsynced: list[tuple[str, str]] = []
        self._files, self._length, self._synced_at = 0, 0, time.monotonic()
        self.receipted = 0

    def all_of(self, manifest: Manifest) -> None:
        self._folder.mkdir(exist_ok=True)
        self._check_room(manifest)
        self._state.index_receipts(_receipted(self._state, self._ready.facility))
        self._tell()
        for entry in manifest.entries():
            self._one(entry)
        self._sync()

    def _one(self, entry: dict[str, Any]) -> None:
        name, length, digest = str(entry["name"]), int(entry["length"]), str(entry["sha256"])
        if not (_NAME.fullmatch(name) and _KEY.fullmatch(str(entry["key"]))):
            raise NotVerified("The manifest names a file that may not be written")
        is_image = str(entry["key"]).startswith("image-")  # what contradicts it has its UID, and other bytes
        known = self._state.receipted(str(entry["sop_instance_uid"])) if is_image else set()
        if known and digest not in known:
            raise NotVerified(f"{name} is not what the center's receipt said was stored")
        self.receipted += bool(known)
        path = self._folder / name
        if self._is_here(path, name, length, digest):
            self._progress(length)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            wanted = Wanted(f"{self._ready.path}/files/{entry['key']}/", length, digest)
            self._fetching.fetch(wanted, path, self._progress)
            self._unsynced.append((name, digest))
        self._files, self._length = self._files + 1, self._length + length
        if len(self._unsynced) >= SYNCED_AT_ONCE or time.monotonic() - self._synced_at >= SYNCED_EVERY_S:
            self._sync()

    def _is_here(self, path: Path, name: str, length: int, digest: str) -> bool:
        if not path.is_file() or path.stat().st_size != length:
            return False
        return self._state.restored(self._folder, name) == digest or digest_of(path) == digest

    def _sync(self) -> None:
        """What was written is on the disk before it is noted, and before the center is told of it."""
        folders = set()
        for name, _ in self._unsynced:
            path = self._folder / name
            with path.open("rb") as file:
                os.fsync(file.fileno())
            folders.add(path.parent)
        for folder in {*folders, self._folder}:
            sync_folder(folder)
        self._state.note_restored(self._folder, self._unsynced)
        self._unsynced.clear()
        self._synced_at = time.monotonic()
        self._tell()

    def _tell(self) -> None:
        with suppress(EdgeError):  # one that does not take it gives the files all the same
            self._center.arrived(
                self._ready.facility, self._ready.uid, self._ready.manifest_sha256, files=self._files,
                length=self._length,
            )  # fmt: skip

    def _check_room(self, manifest: Manifest) -> None:
        there = sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        if shutil.disk_usage(self._folder).free < manifest.length - there:
            raise NoRoom("There is not enough room for what comes back")


class _Fetching:
    """Brings a file, over cuts; gives up once that was tried often without a single further byte."""

    def __init__(self, center: Center, pause: Callable[[float], None]) -> None:
        self._center, self._pause = center, pause

    def fetch(self, wanted: Wanted, target: Path, progress: Told) -> None:
        """Raises NotVerified, NotReachable; what came is kept for the next time."""
        partial = target.with_name(f"{target.name}.partial")
        goes_on = partial.exists()
        with partial.open("ab+") as file:
            found = self._fill(file, wanted, progress)
        if found != wanted.sha256:
            partial.unlink()
            if goes_on:  # it may have been of what lay ready before
                return self.fetch(wanted, target, progress)
            raise NotVerified("What came is not what the center signed for")
        partial.replace(target)
        return None

    def _fill(self, file: BufferedRandom, wanted: Wanted, progress: Told) -> str:
        """The SHA-256 of what came."""
        file.seek(0)
        digest, failures = file_digest(file, sha256), 0
        offset = file.tell()
        progress(offset)
        while offset < wanted.length:
            before = offset
            try:
                for piece in self._center.file_from(wanted.path, offset):
                    offset += len(piece)
                    if offset > wanted.length:
                        return ""
                    digest.update(piece)
                    file.write(piece)
                    progress(len(piece))
                reason = "The center's answer ended early"
            except NotReachable as error:
                reason = str(error)
            if offset < wanted.length:
                failures = failures + 1 if offset == before else 1
                if failures > len(PAUSES_S):
                    raise NotReachable(reason)
                self._pause(PAUSES_S[failures - 1])
        return digest.hexdigest() if offset == wanted.length else ""


def _receipted(state: State, facility: str) -> Iterator[tuple[str, str]]:
    """SOP Instance UID and SHA-256 of what verified receipts tell as stored, one receipt at a time."""
    jwks = state.device().jwks
    for slug, _, _, token in state.receipts("stored", facility):
        receipt = verify(token, jwks)
        if receipt.facility == slug and receipt.signer == "center":
            yield from (
                (str(file["sop_instance_uid"]), str(file["sha256"]))
                for file in receipt.files()
                if file["status"] == "stored"
            )
