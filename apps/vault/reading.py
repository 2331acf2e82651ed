"""Reading what packs hold, for those who want it: from the primary, and where that fails from the replica.

A reader is answered all the same, and the pack is verified at once: staff are told of the damage, and the copy is
repaired, as when verifying finds it (apps.vault.fixity).
"""

import logging
from collections.abc import Iterator

from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.models import Pack, Where
from apps.vault.places import place
from apps.vault.tasks import announce_damage

log = logging.getLogger(__name__)


def pieces(pack: Pack, offset: int, size: int) -> Iterator[bytes]:
    """`size` bytes of a pack from `offset`, in pieces. Raises MissingPack, VaultUnavailable where no copy has them."""
    failure: MissingPack | VaultUnavailable | None = None
    for alias in (Where.PRIMARY, Where.REPLICA):
        try:
            for piece in place(alias).pieces(pack.name, offset, size):
                yield piece
                offset, size = offset + len(piece), size - len(piece)
            if not size:
                return
            problem: MissingPack | VaultUnavailable = MissingPack(f"Pack {pack.name} ends early")
        except (MissingPack, VaultUnavailable) as error:
            problem = error
        except OSError as error:
            problem = VaultUnavailable(f"The vault could not be read: {error.strerror}")
        log.error("Pack %s, %s: %s", pack.name, alias, problem.message)
        announce_damage(pack.pk)
        failure = failure or problem
    assert failure
    raise failure


def read_at(pack: Pack, offset: int, size: int) -> bytes:
    """The same bytes at once."""
    return b"".join(pieces(pack, offset, size))
