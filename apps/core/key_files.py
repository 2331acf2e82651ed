"""Private keys in files: made once, whole, readable by their user alone."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def key_files(folder: Path, kind: str, make: Callable[[], str]) -> list[Path]:
    """The keys of a kind, newest last; the first is made where there is none. Two first uses at once agree.

    A key is named `<kind>-<number>`. One with a higher number replaces it for what is new; the old ones stay, for what
    was signed or sealed with them.
    """
    found = _numbered(folder, kind)
    if not found:
        write_once(folder / f"{kind}-1", make())
        found = _numbered(folder, kind)
    return found


def write_once(path: Path, content: str) -> None:
    """Write a file of mode 0600 that appears whole, unless it is there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.parent / f".made-{secrets.token_hex(8)}"
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink()


def _numbered(folder: Path, kind: str) -> list[Path]:
    numbers = {path: path.name.removeprefix(f"{kind}-") for path in folder.glob(f"{kind}-*")}
    return sorted((path for path, number in numbers.items() if number.isdigit()), key=lambda path: int(numbers[path]))
