"""Secrets of an installation that brings none of its own: generated once, readable by its user alone."""

import json
import os
import secrets
from pathlib import Path

NAMES = ("secret_key", "postgresql_superuser", "postgresql_owner", "postgresql_facility")


def local_secrets(home: Path) -> dict[str, str]:
    """Secrets kept in `home`/secrets.json (mode 0600), made on first use; two first starts at once agree."""
    path = home / "secrets.json"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        made = home / f".secrets-{secrets.token_hex(8)}"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({name: secrets.token_urlsafe(48) for name in NAMES}, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded
