"""A home whose database has been migrated, kept for the test processes of this machine: migrating takes them longest.

It is named by a digest of all that it was made from, so that it is made anew when any of that changes.
"""

import os
import shutil
import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = (
    *("apps/*/migrations/*.py", "apps/core/migration_operations.py", "apps/retention/presets.*", "medvault/roles.py"),
    *("medvault/staff_roles.py", "medvault/embedded/postgresql.py", "requirements-dev.lock"),
)
SECRETS, DATABASE = "secrets.json", "postgresql"
DAY_S = 86_400


def _digest() -> str:
    digest = sha256()
    for pattern in SOURCES:
        for path in sorted(PROJECT.glob(pattern)):
            digest.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


_PREFIX = f"medvault-prepared-{os.getuid()}-"
_HOME = Path(tempfile.gettempdir()) / (_PREFIX + _digest())


def take_secrets(home: Path) -> bool:
    """Copy the secrets of what was prepared, which the settings read, into a new home; whether there was any."""
    if not _HOME.exists():
        return False
    _copy(_HOME, home, SECRETS)
    return True


def take_database(home: Path) -> None:
    """Copy the database that the secrets are of. Only processes that run tests need it."""
    _copy(_HOME, home, DATABASE)


def keep(home: Path) -> None:
    """Keep the database of a home, which is not running, for those that come."""
    made = Path(tempfile.mkdtemp(prefix="medvault-preparing-"))
    made.chmod(0o755)
    _copy(home, made, SECRETS, DATABASE)
    try:
        made.rename(_HOME)
    except OSError:  # another process was first
        shutil.rmtree(made)
    for old in _HOME.parent.glob(f"{_PREFIX}*"):
        if old != _HOME and old.stat().st_mtime < time.time() - DAY_S:
            shutil.rmtree(old, ignore_errors=True)


def _copy(source: Path, target: Path, *names: str) -> None:
    subprocess.run(["cp", "-a", *(source / name for name in names), target], check=True)
