"""Where the embedded services of a home are reached, and by its own user alone."""

import os
import pwd
import stat
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

UNIX_SOCKET_PATH_LIMIT = 90
SYSTEM_USER = "pgserver"  # as whom PostgreSQL runs when root starts it


class EmbeddedServiceError(Exception):
    """An embedded service did not start; the message says why."""


def socket_folder(home: Path) -> Path:
    """Folder of the services' Unix sockets: in `home`, or a short one of its own where that path is too long."""
    folder = home / "run"
    if len(str(folder)) > UNIX_SOCKET_PATH_LIMIT:
        digest = sha256(f"{home}-{os.geteuid()}".encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"medvault-{digest}"
    return folder


def make_socket_folder(folder: Path) -> None:
    """Make the folder. Raises EmbeddedServiceError where another user has made it, who could put servers into it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in _owners():
        raise EmbeddedServiceError(f"{folder} is not this installation's; remove it, or choose another MEDVAULT_HOME")
    folder.chmod(0o700)


def _owners() -> set[int]:
    owners = {os.geteuid()}
    if os.geteuid() == 0:
        with suppress(KeyError):
            owners.add(pwd.getpwnam(SYSTEM_USER).pw_uid)
    return owners
