"""The center's keys in a backup: sealed to a recipient whose identity lies elsewhere (age, X25519).

Who has them could forge receipts and open what collectors carry; a backup is carried about.
"""

import json
from pathlib import Path

import pyrage
from pyrage import x25519

from apps.core.key_files import write_once
from medvault.backup.errors import CannotBackUp, CannotRestore


def recipient_of(text: str) -> x25519.Recipient:
    """Of `age1…`. Raises CannotBackUp."""
    try:
        return x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError as error:
        raise CannotBackUp("The recipient is no age1… of age-keygen") from error


def sealed(folder: Path, recipient: x25519.Recipient) -> bytes:
    """The key files of a folder."""
    keys = {path.name: path.read_text() for path in sorted(folder.glob("*-*")) if path.is_file()}
    content: bytes = pyrage.encrypt(json.dumps(keys).encode(), [recipient])
    return content


def unseal_into(folder: Path, content: bytes, identity: str) -> int:
    """Write the key files; how many. `identity`: the text of age-keygen's file. Raises CannotRestore."""
    lines = [line.strip() for line in identity.splitlines() if line.startswith("AGE-SECRET-KEY-")]
    try:
        opened = pyrage.decrypt(content, [x25519.Identity.from_str(line) for line in lines])
    except (pyrage.DecryptError, pyrage.IdentityError) as error:
        raise CannotRestore("The identity does not open the keys of this backup") from error
    keys: dict[str, str] = json.loads(opened)
    for name, text in keys.items():
        write_once(folder / Path(name).name, text)
    return len(keys)
