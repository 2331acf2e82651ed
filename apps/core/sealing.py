"""Sealing: what a collector carries is encrypted to the center's public key (age v1, https://age-encryption.org/v1).

Identities lie in settings.KEYS. The newest is published; all of them open, so that what was sealed before still can be.
"""

from pathlib import Path

import pyrage
from django.conf import settings
from pyrage import x25519

from apps.core.errors import DomainError
from apps.core.key_files import key_files


class NotForUs(DomainError):
    """The file is no age file, is damaged, or is sealed to another key."""

    code = "not_sealed_to_center"

    def __init__(self) -> None:
        super().__init__("The file is damaged or sealed to another key than the center's")


def recipient() -> str:
    """The public key to seal to: age1…"""
    return str(_identities()[-1].to_public())


def unseal(sealed: Path, target: Path) -> None:
    """Write what is sealed to `target`, in bounded memory. Raises NotForUs; OSError where it cannot be written."""
    try:
        with sealed.open("rb") as source, target.open("wb") as plain:
            pyrage.decrypt_io(source, plain, list(reversed(_identities())))
    except pyrage.DecryptError as error:
        raise NotForUs from error
    except OSError as error:
        if error.errno is None:  # so pyrage reports a sealed piece that does not decrypt
            raise NotForUs from error
        raise


def seal_text(text: str) -> bytes:
    """A secret as it may lie in the database."""
    return bytes(pyrage.encrypt(text.encode(), [x25519.Recipient.from_str(recipient())]))


def unseal_text(sealed: bytes) -> str:
    """The inverse. Raises NotForUs."""
    try:
        return bytes(pyrage.decrypt(sealed, list(reversed(_identities())))).decode()
    except pyrage.DecryptError as error:
        raise NotForUs from error


def _identities() -> list[x25519.Identity]:
    files = key_files(settings.KEYS, "sealing", lambda: str(x25519.Identity.generate()))
    return [x25519.Identity.from_str(path.read_text().strip()) for path in files]
