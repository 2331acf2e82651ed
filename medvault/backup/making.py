"""A backup: the database first, then the packs it names.

In this order every pack that the dump names was in the vault before it, and is copied after it. The other way round,
what was received in between would be named by the dump and lie in no copy.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import psycopg
from django.conf import settings
from pyrage import x25519

from apps.retention.certificates import FOLDER
from apps.vault.places import DirectoryPlace, make_folders, place, sync
from medvault.backup import postgresql
from medvault.backup.errors import CannotBackUp
from medvault.backup.keys import sealed
from medvault.backup.packs import Row, bring, bring_certificates

DUMPS, VAULT, INVOICES = "dumps", "vault", "invoices"
DATABASE, KEYS, ABOUT = "database.dump", "keys.age", "about.json"
PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class About:
    """What a dump is of: the database's moment, and what it names."""

    at: str
    packs: int
    bytes: int
    database_sha256: str


@dataclass(frozen=True, slots=True)
class Made:
    """`folder`: of the dump. `missing`: packs that the vault has whole in neither place."""

    folder: Path
    about: About
    copied: int
    missing: list[str]


def back_up(target: Path, *, recipient: x25519.Recipient, keep: int, reads_again: bool) -> Made:
    """Write a dump, bring the copies of packs, certificates and invoices up to date, and forget what was deleted.

    `keep`: how many dumps remain. Raises CannotBackUp, VaultUnavailable.
    """
    conninfo = postgresql.admin_conninfo(settings.ENV)
    with postgresql.snapshot(conninfo) as (connection, name):
        at = _moment(connection)
        folder = target / DUMPS / f"{at:%Y%m%dT%H%M%S.%fZ}"
        writing = folder.with_name(folder.name + PARTIAL)
        shutil.rmtree(writing, ignore_errors=True)
        make_folders(writing)
        postgresql.dump(conninfo, writing / DATABASE, of=name)
        rows = list(_rows(connection))
    (writing / KEYS).write_bytes(sealed(Path(settings.KEYS), recipient))
    vault = DirectoryPlace(location=str(target / VAULT))
    copied = bring(rows, [place("primary"), place("replica")], vault, reads_again=reads_again)
    missing = _still_known(conninfo, copied.missing)
    _bring_invoices(target / INVOICES)
    for alias in ("primary", "replica"):
        bring_certificates(place(alias), vault, FOLDER)
    about = About(at.isoformat(), len(rows), sum(row.size for row in rows), _digest(writing / DATABASE))
    (writing / ABOUT).write_text(json.dumps(asdict(about), indent=2))
    for path in writing.iterdir():
        sync(path)
    writing.rename(folder)
    sync(folder.parent)
    _forget(vault, {row.name for row in rows}, target / DUMPS, keep)
    return Made(folder, about, copied.copied, missing)


def _moment(connection: psycopg.Connection) -> datetime:
    row = connection.execute("SELECT transaction_timestamp() AT TIME ZONE 'UTC'").fetchone()
    assert row
    moment: datetime = row[0]
    return moment


def _rows(connection: psycopg.Connection) -> Iterator[Row]:
    for name, digest, size in connection.execute("SELECT name, sha256, size_bytes FROM vault_pack ORDER BY id"):
        yield Row(name, bytes(digest), size)


def _still_known(conninfo: str, names: list[str]) -> list[str]:
    """Those that were not deleted meanwhile."""
    with psycopg.connect(conninfo) as connection:
        found = connection.execute("SELECT name FROM vault_pack WHERE name = ANY(%s) ORDER BY id", [names]).fetchall()
    return [name for (name,) in found]


def _bring_invoices(target: Path) -> None:
    """The documents as they were sent; each is written once."""
    source = Path(settings.STORAGES["invoices"]["OPTIONS"]["location"])
    for path in sorted(source.rglob("*")) if source.is_dir() else []:
        copy = target / path.relative_to(source)
        if path.is_file() and not (copy.exists() and copy.stat().st_size == path.stat().st_size):
            make_folders(copy.parent)
            shutil.copyfile(path, copy)
            sync(copy)


def _forget(vault: DirectoryPlace, named: set[str], dumps: Path, keep: int) -> None:
    """Packs of deleted studies go at once, dumps that still name them with time."""
    for name in vault.all_names():
        if name not in named:
            vault.remove(name)
    whole = sorted(path for path in dumps.iterdir() if not path.name.endswith(PARTIAL))
    for old in whole[:-keep]:
        shutil.rmtree(old)


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def whole_dump(source: Path, name: str = "") -> tuple[Path, About]:
    """A dump of a backup, the latest if none is named, compared with its digest. Raises CannotBackUp."""
    found = sorted(path for path in (source / DUMPS).glob(name or "*") if (path / ABOUT).exists())
    if not found or found[-1].name.endswith(PARTIAL):
        raise CannotBackUp(f"There is no whole dump {name or 'at all'} in {source / DUMPS}")
    about = About(**json.loads((found[-1] / ABOUT).read_text()))
    if _digest(found[-1] / DATABASE) != about.database_sha256:
        raise CannotBackUp(f"The dump {found[-1].name} is damaged; take an earlier one with --dump")
    return found[-1], about
