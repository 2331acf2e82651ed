"""A restore into an empty installation, verified. What was deleted since the backup stays deleted."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session

from apps.audit.signing import NotSigned, checked
from apps.collection.models import Receipt
from apps.collection.rebuilding import rebuild_catalog
from apps.collection.receipts import TYP as RECEIPT
from apps.facilities.tenancy import as_center
from apps.retention.certificates import FOLDER, TYP
from apps.retention.models import Disposition
from apps.retention.redoing import Redone, deleted_packs, redo_deletions
from apps.vault.errors import MissingPack
from apps.vault.models import Pack
from apps.vault.packs import digest_of
from apps.vault.places import DirectoryPlace, place
from medvault import outward
from medvault.backup import postgresql
from medvault.backup.errors import CannotRestore
from medvault.backup.keys import unseal_into
from medvault.backup.making import DATABASE, INVOICES, KEYS, VAULT, whole_dump
from medvault.backup.packs import Row, bring, bring_certificates
from medvault.bootstrap import bootstrap_roles, migrate

PLACES = ("primary", "replica")


@dataclass(frozen=True, slots=True)
class Verified:
    """What was read again after the restore. `damaged`: packs that are not whole in both places, by place and name."""

    packs: int
    damaged: list[str]
    receipts: int
    certificates: int
    unsigned: int

    @property
    def is_well(self) -> bool:
        return not (self.damaged or self.unsigned)


@dataclass(frozen=True, slots=True)
class Restored:
    """`adopted`: packs that came after the backup and lay in the vault still."""

    backup_at: str
    redone: Redone
    adopted: int
    verified: Verified


def restore(source: Path, *, dump: str, identity: str, report: Callable[[str], None]) -> Restored:
    """Into an empty database and, where they are empty too, empty places. Raises CannotRestore, VaultUnavailable."""
    folder, about = whole_dump(source, dump)
    bootstrap_roles(settings.ENV)
    conninfo = postgresql.admin_conninfo(settings.ENV)
    if not postgresql.is_empty(conninfo):
        raise CannotRestore("The database is not empty: name a new one, or another MEDVAULT_HOME")
    outward.hold(backup_at=datetime.fromisoformat(about.at))
    keys = unseal_into(Path(settings.KEYS), (folder / KEYS).read_bytes(), identity)
    report(f"{keys} keys")
    postgresql.load(conninfo, folder / DATABASE)
    postgresql.leap_ids(conninfo)
    migrate(verbosity=0)
    postgresql.leap_changes(conninfo)
    report(f"The database of {about.at}")
    _end_sessions()
    vault = DirectoryPlace(location=str(source / VAULT))
    for alias in PLACES:
        bring_certificates(vault, place(alias), FOLDER)
    _bring_packs(vault, report)
    _bring_invoices(source / INVOICES)
    redone = redo_deletions()
    adopted = rebuild_catalog(passing_over=deleted_packs()).packs
    report(f"{redone.deleted} deletions were carried out again, {adopted} packs that are newer were filed")
    return Restored(about.at, redone, adopted, verified())


def verified() -> Verified:
    """Every pack of the catalog in both places, by its digest, and every signature, by the keys that there are."""
    with as_center():
        packs = list(Pack.objects.order_by("pk").values_list("name", "sha256", "replicated_at"))
        receipts = list(Receipt.objects.values_list("jws", flat=True))
        certificates = list(Disposition.objects.exclude(certificate="").values_list("certificate", flat=True))
    damaged = [
        f"{alias}: {name}"
        for name, digest, replicated_at in packs
        for alias in (PLACES if replicated_at else PLACES[:1])
        if not _is_whole(alias, name, bytes(digest))
    ]
    tokens = [*((token, RECEIPT) for token in receipts), *((token, TYP) for token in certificates)]
    unsigned = sum(not _is_signed(token, typ) for token, typ in tokens)
    return Verified(len(packs), damaged, len(receipts), len(certificates), unsigned)


def _is_whole(alias: str, name: str, digest: bytes) -> bool:
    try:
        return digest_of(place(alias), name) == digest
    except MissingPack:
        return False


def _is_signed(token: str, typ: str) -> bool:
    try:
        checked(token, typ=typ)
    except NotSigned:
        return False
    return True


def _end_sessions() -> None:
    """Whoever was signed in then may have been removed since."""
    Session.objects.all().delete()


def _bring_packs(vault: DirectoryPlace, report: Callable[[str], None]) -> None:
    """What a place lacks comes from the backup, or from the other place; never what was deleted since."""
    passed_over = deleted_packs()
    with as_center():
        known = Pack.objects.exclude(name__in=passed_over).order_by("pk")
        rows = [
            Row(name, bytes(digest), size) for name, digest, size in known.values_list("name", "sha256", "size_bytes")
        ]
        replicated = set(known.exclude(replicated_at=None).values_list("name", flat=True))
    primary, replica = map(place, PLACES)
    done = bring(rows, [vault, replica], primary)
    bring([row for row in rows if row.name in replicated], [primary, vault], replica)
    report(f"{done.there} packs were there, {done.copied} were brought, {len(done.missing)} are nowhere")


def _bring_invoices(source: Path) -> None:
    target = Path(settings.STORAGES["invoices"]["OPTIONS"]["location"])
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
