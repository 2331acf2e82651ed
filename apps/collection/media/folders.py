"""Folders: walked in sorted order, without following what is not a plain file or folder."""

import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from apps.collection.media.dicomdir import comparable
from apps.collection.media.found import PIECE, Found, NotTaken, not_taken

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO in a file's place must not block
NOT_FILES = {
    stat.S_IFLNK: ("symbolic_link", "A symbolic link, which is not followed."),
    stat.S_IFIFO: ("special_file", "A named pipe, which is not opened."),
    stat.S_IFSOCK: ("special_file", "A socket, which is not opened."),
    stat.S_IFCHR: ("special_file", "A device, which is not opened."),
    stat.S_IFBLK: ("special_file", "A device, which is not opened."),
}


class Folder:
    """A folder that is received with all below it. Raises OSError when it cannot be listed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._first = _names(root, ())
        self._by_comparable = lru_cache(maxsize=8)(_by_comparable)  # a DICOMDIR names file after file of a folder

    def entries(self) -> Iterator[Found]:
        """Everything below, folder by folder in the order of names; a folder's files stand among its folders.

        Of the folders on the way down the names are held in memory, and nothing else.
        """
        waiting = [self._first]
        while waiting:
            try:
                parts = next(waiting[-1])
            except StopIteration:
                waiting.pop()
                continue
            path = self._root.joinpath(*parts)
            try:
                kind = stat.S_IFMT(path.lstat().st_mode)
                if kind == stat.S_IFDIR:
                    waiting.append(_names(path, parts))
                    continue
            except OSError as error:
                yield not_taken(parts, *unreadable(error))
                continue
            yield not_taken(parts, *NOT_FILES[kind]) if kind in NOT_FILES else file_of(path, parts)

    def has(self, parts: tuple[str, ...]) -> bool:
        """Whether something lies at `parts`, read as a DICOMDIR means it and without following links."""
        path = self._root
        for part in parts:
            name = self._by_comparable(path).get(comparable(part))
            if name is None:
                return False
            path /= name
        return True


def file_of(path: Path, parts: tuple[str, ...]) -> Found:
    """The file at `path`, opened only when it is read."""
    return Found(parts, lambda: _pieces(path))


def unreadable(error: OSError) -> tuple[str, str]:
    """The fact that the operating system refuses to read an entry."""
    return "unreadable", f"It could not be read: {error.strerror or type(error).__name__}."


def _names(folder: Path, parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    return ((*parts, name) for name in names)


def _by_comparable(folder: Path) -> dict[str, str]:
    try:
        with os.scandir(folder) as entries:
            return {comparable(entry.name): entry.name for entry in entries if not entry.is_symlink()}
    except OSError:
        return {}


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, _OPEN)
        try:
            kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
            if kind != stat.S_IFREG:  # exchanged since it was listed
                raise NotTaken(*NOT_FILES.get(kind, ("special_file", "A folder, where a file was.")))
            while piece := os.read(descriptor, PIECE):
                yield piece
        finally:
            os.close(descriptor)
    except OSError as error:
        raise NotTaken(*unreadable(error)) from error
