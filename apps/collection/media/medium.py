"""From a path that an operator gives to what lies there."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

from apps.catalog.bounds import Unreadable
from apps.catalog.header import FileSource, read_header
from apps.collection.errors import NothingReceivable
from apps.collection.media.dicomdir import compared, is_dicomdir
from apps.collection.media.folders import Folder, file_of
from apps.collection.media.found import Found
from apps.collection.media.zipfiles import Archive, is_archive


@contextmanager
def contents(path: Path) -> Iterator[Iterator[Found]]:
    """What a folder, a ZIP archive, the folder of a DICOMDIR, or a single file holds; at least one entry.

    Links within `path` itself are the operator's and are followed. Raises NothingReceivable, and VaultUnavailable
    for an archive that the spool has no room for.
    """
    with ExitStack() as opened:
        try:
            found = _found(path.resolve(strict=True), opened)
            first = next(found, None)
        except FileNotFoundError:
            raise NothingReceivable("There is nothing at the given path") from None
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            fact = getattr(error, "strerror", None) or "its links lead in a circle"
            raise NothingReceivable(f"What is given cannot be read: {fact}") from error
        if first is None:
            raise NothingReceivable("What is given holds no file")
        yield chain([first], found)


def _found(path: Path, opened: ExitStack) -> Iterator[Found]:
    if not path.is_dir() and not path.is_file():
        raise NothingReceivable("What is given is neither a folder nor a file")
    if path.is_file():
        with path.open("rb", buffering=0) as file:
            start = file.read(132)
        if is_archive(start):
            archive = opened.enter_context(Archive(path))
            return compared(archive.entries(), archive.has)
        if not _lists_a_medium(path):
            return iter([file_of(path, (path.name,))])
        path = path.parent
    folder = Folder(path)
    return compared(folder.entries(), folder.has)


def _lists_a_medium(path: Path) -> bool:
    if is_dicomdir(path.name):
        return True
    try:
        with path.open("rb", buffering=0) as file:
            read_header(FileSource(file.fileno(), 0, path.stat().st_size))
    except Unreadable as fault:
        return fault.code == "dicomdir"
    return False
