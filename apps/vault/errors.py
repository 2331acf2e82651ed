"""Facts by which the vault refuses."""

from apps.core.errors import DomainError


class VaultUnavailable(DomainError):
    """Bytes could not be written: the medium is full, gone or refuses. Nothing was acknowledged."""

    code = "vault_unavailable"


class DigestMismatch(DomainError):
    """What was read back is not what was written."""

    code = "digest_mismatch"


class MissingPack(DomainError):
    """A pack is not where it should be."""

    code = "missing_pack"


class PlaceUnavailable(VaultUnavailable):
    """A whole place does not answer, or shows nothing; that says nothing about the packs in it."""

    code = "place_unavailable"
