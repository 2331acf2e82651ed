"""Secrets of an installation that brings none of its own: generated once, readable by its user alone."""

import json
import secrets
from pathlib import Path

from apps.core.key_files import write_once

NAMES = ("secret_key", "postgresql_superuser", "postgresql_owner", "postgresql_facility")


def local_secrets(home: Path) -> dict[str, str]:
    """Secrets kept in `home`/secrets.json (mode 0600), made on first use; two first starts at once agree."""
    path = home / "secrets.json"
    if not path.exists():
        write_once(path, json.dumps({name: secrets.token_urlsafe(48) for name in NAMES}))
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded
