"""A collector copies a sealed collection from a terminal: whole, synced and as the terminal signed for it, or not."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from medvault_edge.errors import NoRoom, NotReachable, NotVerified
from medvault_edge.sealing import Progress, sync_folder
from medvault_edge.state import Sealed
from medvault_edge.terminal import TerminalAt

PAUSES_S = (0.5, 1, 2, 5, 10, 20)


def copy(
    terminal: TerminalAt, sealed: Sealed, token: str, *, to: Path, progress: Progress,
    pause: Callable[[float], None] = time.sleep,
) -> None:  # fmt: skip
    """Copy a sealed file; where it is cut it goes on. Raises EdgeError."""
    partial = to.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            partial.chmod(0o600)
            found = _fill(file, terminal, sealed, token, progress, pause)
            file.flush()
            os.fsync(file.fileno())
        if found != sealed.sealed_sha256:
            raise NotVerified("What came is not what the terminal signed for")
        partial.replace(to)
        sync_folder(to.parent)
    except OSError as error:
        raise NoRoom("The sealed file cannot be written; is the disk full?") from error
    finally:
        partial.unlink(missing_ok=True)


def _fill(
    file: BinaryIO, terminal: TerminalAt, sealed: Sealed, token: str, progress: Progress,
    pause: Callable[[float], None],
) -> str:  # fmt: skip
    """The SHA-256 of what came. Gives up once that was tried often without a single further byte."""
    digest, offset, failures = sha256(), 0, 0
    while offset < sealed.sealed_length:
        before = offset
        with suppress(NotReachable):
            for piece in terminal.sealed(sealed.uid, token, offset):
                offset += len(piece)
                if offset > sealed.sealed_length:
                    raise NotVerified("What came is not what the terminal signed for")
                digest.update(piece)
                file.write(piece)
                progress(len(piece))
        if offset < sealed.sealed_length:
            failures = failures + 1 if offset == before else 1
            if failures > len(PAUSES_S):
                raise NotReachable("The terminal does not answer any more")
            pause(PAUSES_S[failures - 1])
    return digest.hexdigest()
