"""Pruning: deletes local images that a verified `stored` receipt of the center's tells of, and never anything else."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path

import pydicom

from medvault_edge.errors import NotUsable
from medvault_edge.receipts import verify
from medvault_edge.source import digest_of, files_in
from medvault_edge.state import State


@dataclass(frozen=True, slots=True)
class Choice:
    """What the facility wants: only what is older, not what is on its list, only until so much is free."""

    older_than_days: int = 0
    keep: tuple[str, ...] = ()
    until_free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A local file that may go."""

    path: Path
    length: int
    changed_at: float


def storable_digests(state: State, facility: str) -> set[tuple[str, int]]:
    """SHA-256 and length of all that is stored, by receipts whose signatures are checked now."""
    jwks, found = state.device().jwks, set[tuple[str, int]]()
    for slug, _, _, token in state.receipts("stored", facility):
        receipt = verify(token, jwks)
        if receipt.facility == slug:
            found |= receipt.stored()
    return found


def candidates(folder: Path, facility: str, choice: Choice, state: State, *, now: datetime) -> list[Candidate]:
    """What may go, oldest first. Every file is read: its bytes as they are now decide."""
    if not folder.is_dir():
        raise NotUsable("There is no such folder")
    stored = storable_digests(state, facility)
    digests = {digest for digest, _ in stored}
    before = (now - timedelta(days=choice.older_than_days)).timestamp()
    root, found = folder.resolve(), []
    for path in files_in(root):
        status = path.stat()
        if (choice.older_than_days and status.st_mtime > before) or _is_kept(path, root, choice.keep):
            continue
        if _is_stored(path, status.st_size, stored, digests, state):
            found.append(Candidate(path, status.st_size, status.st_mtime))
    found.sort(key=lambda each: (each.changed_at, each.path))
    return list(_until_free(found, root, choice.until_free_bytes))


def prune(chosen: Iterable[Candidate], folder: Path, facility: str, state: State) -> list[Candidate]:
    """Delete; each file is read once more right before. Returns what is gone."""
    stored, root, gone = storable_digests(state, facility), folder.resolve(), []
    digests = {digest for digest, _ in stored}
    for each in chosen:
        inside = each.path.resolve().is_relative_to(root) and not each.path.is_symlink()
        if inside and each.path.is_file() and _is_stored(each.path, each.path.stat().st_size, stored, digests, state):
            each.path.unlink()
            gone.append(each)
            _drop_empty(each.path.parent, root)
    return gone


def _is_stored(path: Path, length: int, stored: set[tuple[str, int]], digests: set[str], state: State) -> bool:
    digest = digest_of(path)
    made = state.made_of(digest)
    return all(each in digests for each in made) if made else (digest, length) in stored


def _is_kept(path: Path, root: Path, keep: tuple[str, ...]) -> bool:
    """By a pattern of its path, or the Study Instance UID."""
    if not keep:
        return False
    relative = path.relative_to(root).as_posix()
    if any(fnmatch(relative, pattern) or fnmatch(path.name, pattern) for pattern in keep):
        return True
    if not any(pattern.replace(".", "").isdigit() for pattern in keep):
        return False
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID"], force=True)
    except Exception:  # noqa: BLE001 what cannot be read is kept
        return True
    return str(header.get("StudyInstanceUID", "")) in keep


def _until_free(found: list[Candidate], root: Path, until_free: int | None) -> Iterable[Candidate]:
    free = shutil.disk_usage(root).free
    for each in found:
        if until_free is not None and free >= until_free:
            return
        free += each.length
        yield each


def _drop_empty(folder: Path, root: Path) -> None:
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
