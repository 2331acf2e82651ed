"""Image files in a folder or on a disc: found, read, told apart. Links are not followed out of the folder."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
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
DAY_S = 86400.0
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


def files_in(folder: Path, *, on_error: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """Every file below the folder that may be an image, in order. What leaves the folder by a link is not in it.

    `on_error` is told of folders that cannot be listed.
    """
    root = folder.resolve()
    for parent, folders, names in os.walk(root, followlinks=False, onerror=on_error):
        folders[:] = sorted(name for name in folders if name != RECEIPTS and not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.casefold() in _PASSED_OVER or name.startswith(".") or name.endswith((".part", ".tmp")):
                continue
            if path.is_file() and path.resolve().is_relative_to(root):
                yield path


def read_folder(folder: Path, state: State, *, changed_before: float | None = None, tag: int | None = None) -> Found:
    """All images of a folder. `changed_before`: a time (seconds since 1970); younger files may still be written.

    A file that cannot be read, as on a scratched disc, is told of and holds up no other.
    """
    reading = _Reading(folder.resolve(), state, changed_before, tag)
    for path in files_in(reading.root, on_error=lambda error: reading.cannot(Path(error.filename))):
        try:
            reading.read(path)
        except FileNotFoundError:  # moved away since it was listed
            continue
        except OSError:
            reading.cannot(path)
    state.note_digests(reading.digests)
    return reading.found


@dataclass(slots=True)
class _Reading:
    """One look through a folder."""

    root: Path
    state: State
    changed_before: float | None
    tag: int | None
    found: Found = field(default_factory=Found)
    digests: list[tuple[Path, int, int, str]] = field(default_factory=list)

    def read(self, path: Path) -> None:
        """Add a file to what was found, unless it may still be written. Raises OSError."""
        status = path.stat()
        if path.suffix.casefold() in {".json", ".csv"} or self._is_young(status):
            return
        digest = self.state.digest_of(path, status.st_size, status.st_mtime_ns)
        is_known = digest is not None
        if digest is None:
            digest = digest_of(path)
            self.digests.append((path, status.st_size, status.st_mtime_ns, digest))
        if self._is_of_tomorrow(status) and not is_known:
            return
        if path.suffix.casefold() in SCANS:
            _add_scan(self.found, path, self._name(path), status.st_size, digest)
        else:
            _add_file(self.found, path, self._name(path), status.st_size, digest, self.tag)

    def cannot(self, path: Path) -> None:
        """Note a file or folder that cannot be read."""
        self.found.unusable.append(Unusable(self._name(path), 0, "cannot be read"))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _is_young(self, status: os.stat_result) -> bool:
        is_young = self.changed_before is not None and status.st_mtime > self.changed_before
        return is_young and not self._is_of_tomorrow(status)

    def _is_of_tomorrow(self, status: os.stat_result) -> bool:
        """Whether the clock was wrong when it was written: it is taken once two looks have found it the same."""
        return self.changed_before is not None and status.st_mtime > self.changed_before + DAY_S


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
    """What a JSON file beside the image says: `<image>.json`, or its name with that ending.

    Raises ValueError where that cannot be read: it may say that the image is to be kept longer.
    """
    for beside in (path.with_name(f"{path.name}.json"), path.with_suffix(".json")):
        if beside.is_file():
            if beside.stat().st_size > LONGEST_SIDECAR:
                raise ValueError("the JSON file beside it is too long")
            try:
                content = json.loads(beside.read_bytes())
            except ValueError as error:
                raise ValueError("the JSON file beside it cannot be read") from error
            return content if isinstance(content, dict) else None
    return None
