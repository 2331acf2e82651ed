"""What the program remembers: SQLite in a folder that its user alone can read.

Nothing in it tells of a patient: digests, lengths, counts, identifiers of the center's. Names of files, which may hold
names of people, are kept as digests; they travel sealed.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout

from medvault_edge.errors import NoRoom, NotEnrolled, NotUsable

_MIGRATIONS = [
    """
    CREATE TABLE device (
        only INTEGER PRIMARY KEY CHECK (only = 1), kind TEXT NOT NULL, uid TEXT NOT NULL, name TEXT NOT NULL,
        center_url TEXT NOT NULL, center_name TEXT NOT NULL, recipient TEXT NOT NULL, jwks TEXT NOT NULL,
        jwk TEXT NOT NULL, certificate TEXT NOT NULL
    ) STRICT;
    CREATE TABLE facility (
        slug TEXT PRIMARY KEY, name TEXT NOT NULL, token TEXT NOT NULL, terminals TEXT NOT NULL,
        cursor TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE TABLE collection (
        uid TEXT PRIMARY KEY, facility TEXT NOT NULL, terminal TEXT, method TEXT NOT NULL, made_at TEXT NOT NULL,
        sealed_sha256 TEXT NOT NULL, sealed_length INTEGER NOT NULL, files INTEGER NOT NULL, length INTEGER NOT NULL,
        left_count INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
        upload_url TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE TABLE collected (
        facility TEXT NOT NULL, sha256 TEXT NOT NULL, length INTEGER NOT NULL, collection TEXT NOT NULL,
        PRIMARY KEY (facility, sha256)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE receipt (
        facility TEXT NOT NULL, collection TEXT NOT NULL, kind TEXT NOT NULL, jws TEXT NOT NULL,
        PRIMARY KEY (facility, collection, kind)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE seen (
        path TEXT PRIMARY KEY, length INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE wrapped (
        original TEXT NOT NULL, made TEXT NOT NULL, PRIMARY KEY (original, made)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE fetched (
        facility TEXT NOT NULL, uid TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (facility, uid)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE restored (
        place TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (place, name)
    ) STRICT, WITHOUT ROWID;
    """,
]


@dataclass(frozen=True, slots=True)
class Device:
    """Who this is to the center: a terminal or a collector."""

    kind: str
    uid: str
    name: str
    center_url: str
    center_name: str
    recipient: str
    jwks: dict[str, Any]
    jwk: dict[str, Any]
    certificate: str


@dataclass(frozen=True, slots=True)
class Facility:
    """A facility this device may send to; `cursor` is of the last receipt it has."""

    slug: str
    name: str
    token: str
    terminals: list[dict[str, Any]]
    cursor: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A collection this device made, or carries for the terminal that did.

    `state`: sealed, carried (offered to collectors that come by, until the center has it), uploaded, received, stored,
    incomplete (stored, but for files that did not arrive), failed.
    """

    uid: str
    facility: str
    terminal: str | None
    method: str
    made_at: str
    sealed_sha256: str
    sealed_length: int
    files: int
    length: int
    left_count: int
    state: str
    reason: str
    upload_url: str


def default_home() -> Path:
    """MEDVAULT_EDGE_HOME, or where the operating system keeps data of programs."""
    given = os.environ.get("MEDVAULT_EDGE_HOME")
    return Path(given) if given else Path(platformdirs.user_data_dir("medvault-edge", appauthor=False))


class State:
    """One process at a time writes; others wait."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.sealed_folder.mkdir(exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(home / "state.sqlite3", timeout=60, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > len(_MIGRATIONS):
            raise NotUsable("The state was written by a newer medvault-edge")
        for number, statements in enumerate(_MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {number}; COMMIT;")

    @property
    def sealed_folder(self) -> Path:
        """Where sealed collections lie until they are handed over."""
        return self.home / "sealed"

    def sealed_path(self, uid: str) -> Path:
        """The sealed file of a collection."""
        return self.sealed_folder / f"{uid}.age"

    def close(self) -> None:
        """Nothing more is read or written."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of it or nothing. Raises NoRoom."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise NoRoom("What this device remembers cannot be written; is the disk full?") from error
            raise

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """One process collects at a time; what one that died has left half done goes first."""
        with FileLock(self.home / "collecting.lock"):
            known = {f"{each.uid}.age" for each in self.collections()}
            for path in self.sealed_folder.iterdir():
                if path.name not in known:
                    path.unlink()
            yield

    @contextmanager
    def fetching(self) -> Iterator[Path]:
        """A folder for what a node sends, unsealed for as long as it takes: it is gone afterwards."""
        with FileLock(self.home / "fetching.lock"):
            self._fetched_folder.mkdir(mode=0o700)
            try:
                yield self._fetched_folder
            finally:
                shutil.rmtree(self._fetched_folder)

    def sweep(self) -> None:
        """Remove what a process that died has left unsealed."""
        with suppress(Timeout), FileLock(self.home / "fetching.lock", timeout=0):
            shutil.rmtree(self._fetched_folder, ignore_errors=True)

    @property
    def _fetched_folder(self) -> Path:
        return self.home / "fetching"

    def enrol(self, device: Device, facilities: list[Facility]) -> None:
        """Keep what the center told at the enrolment; of an earlier one only receipts and collections stay."""
        with self.writing():
            self._db.execute("DELETE FROM facility")
            values = (device.kind, device.uid, device.name, device.center_url, device.center_name, device.recipient,
                      json.dumps(device.jwks), json.dumps(device.jwk), device.certificate)  # fmt: skip
            self._db.execute("INSERT OR REPLACE INTO device VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            for each in facilities:
                row = (each.slug, each.name, each.token, json.dumps(each.terminals), each.cursor)
                self._db.execute("INSERT INTO facility VALUES (?, ?, ?, ?, ?)", row)

    def device(self) -> Device:
        """Raises NotEnrolled."""
        row = self._db.execute(
            "SELECT kind, uid, name, center_url, center_name, recipient, jwks, jwk, certificate FROM device"
        ).fetchone()
        if row is None:
            raise NotEnrolled("This device is not enrolled. Run: medvault-edge init URL CODE")
        kind, uid, name, url, center_name, recipient, jwks, jwk, certificate = row
        return Device(kind, uid, name, url, center_name, recipient, json.loads(jwks), json.loads(jwk), certificate)

    def facilities(self) -> list[Facility]:
        """All that this device may send to."""
        rows = self._db.execute("SELECT slug, name, token, terminals, cursor FROM facility ORDER BY slug").fetchall()
        return [Facility(slug, name, token, json.loads(terminals), cursor)
                for slug, name, token, terminals, cursor in rows]  # fmt: skip

    def facility(self, slug: str = "") -> Facility:
        """The one of that slug; the only one there is where none is given. Raises NotEnrolled, NotUsable."""
        found = [each for each in self.facilities() if slug in {"", each.slug}]
        if not found:
            raise NotEnrolled(f"This device is not enrolled for {slug or 'any facility'}")
        if len(found) > 1:
            raise NotUsable("Say which facility: --facility " + " | ".join(each.slug for each in found))
        return found[0]

    def set_terminals(self, slug: str, terminals: list[dict[str, Any]]) -> None:
        """Keep what a facility's terminals are set to, as the center tells it now."""
        with self.writing():
            self._db.execute("UPDATE facility SET terminals = ? WHERE slug = ?", (json.dumps(terminals), slug))

    def set_cursor(self, slug: str, cursor: str) -> None:
        """Note the last receipt that was fetched."""
        with self.writing():
            self._db.execute("UPDATE facility SET cursor = ? WHERE slug = ?", (cursor, slug))

    def digest_of(self, path: Path, length: int, mtime_ns: int) -> str | None:
        """The SHA-256 a file had when it was last read, if it has not been touched since."""
        row = self._db.execute(
            "SELECT sha256 FROM seen WHERE path = ? AND length = ? AND mtime_ns = ?", (_named(path), length, mtime_ns)
        ).fetchone()
        return row[0] if row else None

    def note_digests(self, found: list[tuple[Path, int, int, str]]) -> None:
        """Path, length, time of change and SHA-256 of files that were read."""
        with self.writing():
            rows = [(_named(path), length, mtime_ns, digest) for path, length, mtime_ns, digest in found]
            self._db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", rows)

    def is_collected(self, facility: str, digest: str) -> bool:
        """Whether these bytes were collected before."""
        row = self._db.execute("SELECT 1 FROM collected WHERE facility = ? AND sha256 = ?", (facility, digest))
        return row.fetchone() is not None

    def is_fetched(self, facility: str, sop_instance_uid: str) -> bool:
        """Whether an image of this UID came from a node, and was collected."""
        row = self._db.execute(
            "SELECT 1 FROM fetched JOIN collected USING (facility, sha256) WHERE facility = ? AND uid = ?",
            (facility, _digest(sop_instance_uid)),
        )
        return row.fetchone() is not None

    def note_fetched(self, facility: str, images: Iterable[tuple[str, str]]) -> None:
        """SOP Instance UID and SHA-256 of what came from a node."""
        with self.writing():
            rows = [(facility, _digest(uid), sha256) for uid, sha256 in images]
            self._db.executemany("INSERT OR REPLACE INTO fetched VALUES (?, ?, ?)", rows)

    def add_collection(self, sealed: Sealed, files: list[tuple[str, int]], wrapped: list[tuple[str, str]]) -> None:
        """Note a sealed collection, what it holds (SHA-256 and length), and which object was made of which scan."""
        with self.writing():
            values = astuple(sealed)
            self._db.execute(f"INSERT INTO collection VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
            rows = [(sealed.facility, digest, length, sealed.uid) for digest, length in files]
            self._db.executemany("INSERT OR IGNORE INTO collected VALUES (?, ?, ?, ?)", rows)
            self._db.executemany("INSERT OR IGNORE INTO wrapped VALUES (?, ?)", wrapped)

    def carry(self, sealed: Sealed) -> None:
        """Note a collection that a terminal sealed; what is in it this device does not know."""
        with self.writing():
            values = astuple(sealed)
            self._db.execute(
                f"INSERT OR REPLACE INTO collection VALUES ({', '.join('?' * len(values))})",  # noqa: S608
                values,
            )

    def collections(self, *states: str, facility: str = "") -> list[Sealed]:
        """The collections in these states, oldest first."""
        rows = self._db.execute("SELECT * FROM collection ORDER BY made_at, uid").fetchall()
        made = [Sealed(*row) for row in rows]
        return [each for each in made if (not states or each.state in states) and facility in {"", each.facility}]

    def advance(self, uid: str, state: str, *, reason: str = "") -> None:
        """Note how far a collection is. What failed may be collected again."""
        with self.writing():
            self._db.execute("UPDATE collection SET state = ?, reason = ? WHERE uid = ?", (state, reason, uid))
            if state == "failed":
                self._db.execute("DELETE FROM collected WHERE collection = ?", (uid,))

    def note_upload(self, uid: str, url: str) -> None:
        """Where the upload of a collection goes on."""
        with self.writing():
            self._db.execute("UPDATE collection SET upload_url = ? WHERE uid = ?", (url, uid))

    def keep_receipt(self, facility: str, collection: str, kind: str, jws: str, arrived: set[str]) -> int:
        """Keep a verified receipt. What reached the center is not collected again, what did not may be.

        Returns how many files of the collection did not.
        """
        with self.writing():
            self._db.execute("INSERT OR REPLACE INTO receipt VALUES (?, ?, ?, ?)", (facility, collection, kind, jws))
            rows = self._db.execute("SELECT sha256 FROM collected WHERE collection = ?", (collection,)).fetchall()
            lost = [(collection, digest) for (digest,) in rows if digest not in arrived]
            self._db.executemany("DELETE FROM collected WHERE collection = ? AND sha256 = ?", lost)
            known = [(facility, digest, collection) for digest in arrived]
            self._db.executemany("INSERT OR IGNORE INTO collected VALUES (?, ?, 0, ?)", known)
        return len(lost)

    def receipts(self, kind: str = "", facility: str = "") -> list[tuple[str, str, str, str]]:
        """Facility, collection, kind and JWS of each kept receipt."""
        rows = self._db.execute("SELECT facility, collection, kind, jws FROM receipt ORDER BY 1, 2, 3").fetchall()
        return [row for row in rows if kind in {"", row[2]} and facility in {"", row[0]}]

    def restored(self, folder: Path, name: str) -> str | None:
        """The SHA-256 of what was restored under a name in a folder, and was synced."""
        row = self._db.execute("SELECT sha256 FROM restored WHERE place = ? AND name = ?", (_named(folder), name))
        found = row.fetchone()
        return str(found[0]) if found else None

    def note_restored(self, folder: Path, files: Iterable[tuple[str, str]]) -> None:
        """Name and SHA-256 of files that were verified and synced."""
        with self.writing():
            rows = [(_named(folder), name, sha256) for name, sha256 in files]
            self._db.executemany("INSERT OR REPLACE INTO restored VALUES (?, ?, ?)", rows)

    def index_receipts(self, stored: Iterable[tuple[str, str]]) -> None:
        """SOP Instance UID and SHA-256 of what receipts tell as stored, to look up; gone with this process."""
        self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS receipted (uid TEXT, sha256 TEXT, PRIMARY KEY (uid, sha256)) WITHOUT ROWID"
        )
        with self.writing():
            self._db.executemany("INSERT OR IGNORE INTO receipted VALUES (?, ?)", stored)

    def receipted(self, sop_instance_uid: str) -> set[str]:
        """The SHA-256 of each version of an image that receipts tell as stored."""
        rows = self._db.execute("SELECT sha256 FROM receipted WHERE uid = ?", (sop_instance_uid,))
        return {digest for (digest,) in rows}

    def made_of(self, original: str) -> list[str]:
        """SHA-256 of the objects that were made of a scan with this SHA-256."""
        return [made for (made,) in self._db.execute("SELECT made FROM wrapped WHERE original = ?", (original,))]


def _named(path: Path) -> str:
    return _digest(str(path))


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
