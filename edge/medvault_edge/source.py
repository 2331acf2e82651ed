"""Image files in a folder or on a disc: found, read, told apart. Links are not followed out of the folder."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from medvault_edge.recorded import recorded_of
from medvault_edge.scans import SCANS, BadInformation, UnreadableScan, information_of, wrap_scan
from medvault_edge.state import State

RECEIPTS = "medvault-receipts"
PIECE = 1 << 20
LONGEST_SIDECAR = 1 << 20
_HEADER: list[Any] = [
    "StudyInstanceUID", "StudyDate", "SOPInstanceUID", "AccessionNumber", "StudyID", "InstanceNumber",
]  # fmt: skip
_PASSED_OVER = frozenset({"dicomdir", "thumbs.db", ".ds_store", "desktop.ini", "autorun.inf", "information.csv"})


@dataclass(frozen=True, slots=True)
class Image:
    """What is to be collected of one file; a scan makes several, which hold it. `made` are bytes that are no file."""

    path: Path
    source: str
    length: int
    sha256: str
    header: Dataset
    sidecar: Mapping[str, Any] | None = None
    made: bytes | None = None
    original_sha256: str = ""

    @property
    def study(self) -> str:
        """The Study Instance UID; a file that has none stands for itself."""
        return str(self.header.get("StudyInstanceUID", "") or self.sha256)

    @property
    def date(self) -> str:
        """The study's date, sortable; what has none comes last."""
        return str(self.header.get("StudyDate", "") or "99999999")

    def pieces(self) -> Iterator[bytes]:
        """The bytes to be stored."""
        if self.made is not None:
            yield self.made
            return
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file that is no image, or a scan without what must accompany it."""

    source: str
    length: int
    why: str


@dataclass(slots=True)
class Found:
    """What a folder holds."""

    images: list[Image] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)


def files_in(folder: Path) -> Iterator[Path]:
    """Every file below the folder that may be an image, in order. What leaves the folder by a link is not in it."""
    root = folder.resolve()
    for parent, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if name != RECEIPTS and not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.casefold() in _PASSED_OVER or name.startswith(".") or name.endswith((".part", ".tmp")):
                continue
            if path.is_file() and path.resolve().is_relative_to(root):
                yield path


def read_folder(folder: Path, state: State, *, changed_before: float | None = None, tag: int | None = None) -> Found:
    """All images of a folder. `changed_before`: a time (seconds since 1970); younger files may still be written."""
    found, digests, root = Found(), [], folder.resolve()
    for path in files_in(root):
        status = path.stat()
        if changed_before is not None and status.st_mtime > changed_before:
            continue
        if path.suffix.casefold() in {".json", ".csv"}:
            continue
        digest = state.digest_of(path, status.st_size, status.st_mtime_ns)
        if digest is None:
            digest = digest_of(path)
            digests.append((path, status.st_size, status.st_mtime_ns, digest))
        source = path.relative_to(root).as_posix()
        if path.suffix.casefold() in SCANS:
            _add_scan(found, path, source, status.st_size, digest)
        else:
            _add_file(found, path, source, status.st_size, digest, tag)
    state.note_digests(digests)
    return found


def digest_of(path: Path) -> str:
    """SHA-256 of a file as it reads now."""
    with path.open("rb") as file:
        digest = sha256()
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _add_file(found: Found, path: Path, source: str, length: int, digest: str, tag: int | None) -> None:
    header: Dataset
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_HEADER + ([tag] if tag else []))
    except InvalidDicomError:
        found.unusable.append(Unusable(source, length, "no DICOM file"))
        return
    except Exception:  # noqa: BLE001 broken DICOM goes to the center as it is: staff look at it there
        header = Dataset()
    try:
        sidecar = _sidecar(path)
        recorded_of(sidecar)
    except ValueError as error:
        found.unusable.append(Unusable(source, length, str(error)))
        return
    found.images.append(Image(path, source, length, digest, header, sidecar))


def _add_scan(found: Found, path: Path, source: str, length: int, digest: str) -> None:
    try:
        objects, sidecar = wrap_scan(path, information_of(path)), _sidecar(path)
        recorded_of(sidecar)
    except (BadInformation, UnreadableScan, OSError, ValueError) as error:
        why = "unreadable scan" if isinstance(error, UnreadableScan | OSError) else str(error)
        found.unusable.append(Unusable(source, length, why))
        return
    for number, made in enumerate(objects, 1):
        header = pydicom.dcmread(pydicom.filebase.DicomBytesIO(made), specific_tags=_HEADER)
        found.images.append(
            Image(path, f"{source}#{number}", len(made), sha256(made).hexdigest(), header, sidecar, made, digest)
        )


def _sidecar(path: Path) -> Mapping[str, Any] | None:
    """What a JSON file beside the image says: `<image>.json`, or its name with that ending."""
    for beside in (path.with_name(f"{path.name}.json"), path.with_suffix(".json")):
        if beside.is_file() and beside.stat().st_size <= LONGEST_SIDECAR:
            try:
                content = json.loads(beside.read_bytes())
            except ValueError:
                return None
            return content if isinstance(content, dict) else None
    return None
