"""The two places that hold packs, as Django storages: a directory, or an S3 bucket.

Both offer what the vault needs beyond Django's storage interface: durable `put`, ranged `read_at`, `names` by prefix.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import FileSystemStorage, storages
from storages.backends.s3 import S3Storage

from apps.vault import page_cache
from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.spool import passing_folder

PIECE = 1 << 20
WHOLE = 1 << 62
PARTIAL = ".partial-"
SUFFIX = ".zip"
_NO_LOCK = {"ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed", "InvalidRequest"}


class Place(Protocol):
    """A place that holds packs under names such as `12/0f/0f3c…/1.zip`."""

    def put(self, name: str, source: Path, *, share: bool = False) -> None:
        """Store the file durably under `name`. Raises VaultUnavailable.

        `share`: the caller neither changes the file any more nor keeps it long, so that the place may hold it itself.
        """

    def copy_from(self, other: "Place", name: str, spool: Path) -> None:
        """Store the bytes that `other` has under `name`. Raises VaultUnavailable, MissingPack."""

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`, fewer at the end of the pack. Raises MissingPack."""

    def pieces(self, name: str, offset: int, size: int) -> Iterator[bytes]:
        """The same range in pieces of at most PIECE bytes. Raises MissingPack."""

    def uncache(self, name: str) -> None:
        """Tell the operating system that a pack will not be read again soon."""

    def names(self, prefix: str) -> list[str]:
        """Names that begin with `prefix`, whose folders are complete."""

    def all_names(self) -> list[str]:
        """The names of all packs."""

    def size_of(self, name: str) -> int:
        """The bytes of a pack. Raises MissingPack."""

    def keep_aside(self, name: str, other: str) -> None:
        """Give the bytes under `name`, if there are any, the name `other`; until they are replaced they have both.

        Raises VaultUnavailable.
        """

    def lock_until(self, name: str, at: datetime) -> bool:
        """Have the place itself refuse to delete a pack before then, for everybody; False where it cannot.

        A lock is lengthened, never shortened. Raises VaultUnavailable.
        """

    def remove(self, name: str) -> None:
        """Delete durably, every version; a name that is not there is no error. Raises VaultUnavailable."""


def place(alias: str) -> Place:
    """The place of an alias: `primary` or `replica`."""
    return cast(Place, storages[alias])


class DirectoryPlace(FileSystemStorage):
    """A folder. A file appears under its name whole and synced, or not at all."""

    def put(self, name: str, source: Path, *, share: bool = False) -> None:
        target = Path(self.path(name))
        try:
            make_folders(target.parent)
            if share and _link(source, target):
                sync(target.parent)
                return
            self._copy(source, target)
        except OSError as error:
            raise VaultUnavailable(f"The vault could not be written: {error.strerror}") from error

    def copy_from(self, other: Place, name: str, spool: Path) -> None:
        if isinstance(other, DirectoryPlace):
            source = Path(other.path(name))
            if not source.exists():
                raise MissingPack(f"Pack {name} is missing")
            self.put(name, source)
            return
        _through(other, name, self, spool)

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        with self._opened(name) as file:
            return os.pread(file.fileno(), size, offset)

    def pieces(self, name: str, offset: int, size: int) -> Iterator[bytes]:
        with self._opened(name) as file:
            while size and (piece := os.pread(file.fileno(), min(PIECE, size), offset)):
                offset, size = offset + len(piece), size - len(piece)
                yield piece

    def uncache(self, name: str) -> None:
        with self._opened(name) as file:
            page_cache.let_go(file.fileno(), 0, 0)

    def _opened(self, name: str) -> BinaryIO:
        try:
            return Path(self.path(name)).open("rb", buffering=0)
        except FileNotFoundError:
            raise MissingPack(f"Pack {name} is missing") from None

    def names(self, prefix: str) -> list[str]:
        folder, _, start = prefix.rpartition("/")
        root = Path(self.path(folder))
        found = [path.name for path in root.iterdir()] if root.is_dir() else []
        return sorted(f"{folder}/{name}" for name in found if name.removeprefix(PARTIAL).startswith(start))

    def all_names(self) -> list[str]:
        root = Path(self.path(""))
        return sorted(str(path.relative_to(root)) for path in root.glob(f"[0-9]*/*/[!.]*{SUFFIX}"))

    def size_of(self, name: str) -> int:
        try:
            return Path(self.path(name)).stat().st_size
        except FileNotFoundError:
            raise MissingPack(f"Pack {name} is missing") from None

    def keep_aside(self, name: str, other: str) -> None:
        source, target = Path(self.path(name)), Path(self.path(other))
        try:
            if not source.exists():
                return
            make_folders(target.parent)
            target.unlink(missing_ok=True)
            if not _link(source, target):
                self._copy(source, target)
            sync(target.parent)
        except OSError as error:
            raise VaultUnavailable(f"The vault could not be written: {error.strerror}") from error

    def lock_until(self, name: str, at: datetime) -> bool:  # noqa: ARG002 a folder locks nothing
        return False

    def remove(self, name: str) -> None:
        target = Path(self.path(name))
        try:
            with suppress(FileNotFoundError):
                target.unlink()
                sync(target.parent)
        except OSError as error:
            raise VaultUnavailable(f"A pack could not be removed: {error.strerror}") from error

    def _copy(self, source: Path, target: Path) -> None:
        partial = target.with_name(PARTIAL + target.name)
        try:
            shutil.copyfile(source, partial)
            sync(partial)
            partial.rename(target)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        sync(target.parent)


class BucketPlace(S3Storage):  # type: ignore[misc]
    """A prefix of an S3 bucket. An object appears whole or not at all."""

    def put(self, name: str, source: Path, *, share: bool = False) -> None:  # noqa: ARG002 a bucket shares nothing
        try:
            self._object(name).upload_file(str(source), ExtraArgs={"ChecksumAlgorithm": "SHA256"})
        except (ClientError, BotoCoreError, OSError) as error:
            raise VaultUnavailable(f"The vault could not be written: {type(error).__name__}") from error

    def copy_from(self, other: Place, name: str, spool: Path) -> None:
        _through(other, name, self, spool)

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        return b"".join(self.pieces(name, offset, size))

    def pieces(self, name: str, offset: int, size: int) -> Iterator[bytes]:
        if size == 0:
            return
        try:
            answer = self._object(name).get(Range=f"bytes={offset}-{offset + size - 1}")
            yield from answer["Body"].iter_chunks(PIECE)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise MissingPack(f"Pack {name} is missing") from None
            if error.response["Error"]["Code"] == "InvalidRange":
                return
            raise VaultUnavailable(f"The vault could not be read: {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise VaultUnavailable(f"The vault could not be read: {type(error).__name__}") from error

    def uncache(self, name: str) -> None:
        pass

    def names(self, prefix: str) -> list[str]:
        root = self._key("")
        try:
            found = list(self.bucket.objects.filter(Prefix=self._key(prefix)))
        except (ClientError, BotoCoreError) as error:
            raise VaultUnavailable(f"The vault could not be read: {type(error).__name__}") from error
        return [item.key.removeprefix(root).lstrip("/") for item in found]

    def all_names(self) -> list[str]:
        return sorted(name for name in self.names("") if name[:1].isdigit() and name.endswith(SUFFIX))

    def size_of(self, name: str) -> int:
        try:
            return int(self._object(name).content_length)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise MissingPack(f"Pack {name} is missing") from None
            raise VaultUnavailable(f"The vault could not be read: {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise VaultUnavailable(f"The vault could not be read: {type(error).__name__}") from error

    def keep_aside(self, name: str, other: str) -> None:
        try:
            self._object(other).copy({"Bucket": self.bucket.name, "Key": self._key(name)})
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return
            raise VaultUnavailable(f"The vault could not be written: {type(error).__name__}") from error

    @cached_property
    def has_lock(self) -> bool:
        """Whether the bucket says that it has Object Lock."""
        client = self.connection.meta.client
        try:
            told = client.get_object_lock_configuration(Bucket=self.bucket_name)
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_LOCK:
                return False
            raise VaultUnavailable(f"The vault could not be read: {error.response['Error']['Code']}") from error
        return bool(told["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")

    def lock_until(self, name: str, at: datetime) -> bool:
        if not self.has_lock:
            return False
        retention = {"Mode": "COMPLIANCE", "RetainUntilDate": at}
        try:
            self.connection.meta.client.put_object_retention(
                Bucket=self.bucket_name, Key=self._key(name), Retention=retention
            )
        except (ClientError, BotoCoreError) as error:
            raise VaultUnavailable(f"A pack could not be locked: {type(error).__name__}") from error
        return True

    def remove(self, name: str) -> None:
        key = self._key(name)
        try:
            for version in self.bucket.object_versions.filter(Prefix=key):
                if version.object_key == key:
                    version.delete()
        except (ClientError, BotoCoreError) as error:
            raise VaultUnavailable(f"A pack could not be removed: {type(error).__name__}") from error

    def _key(self, name: str) -> str:
        return cast(str, self._normalize_name(name)) if name else self.location

    def _object(self, name: str) -> Any:
        return self.bucket.Object(self._key(name))


def _through(source: Place, name: str, target: Place, spool: Path) -> None:
    """Carry a pack from one kind of place to another by way of a file in the spool."""
    try:
        spool.mkdir(parents=True, exist_ok=True)
        with passing_folder(spool) as folder:
            carrier = folder / "pack"
            with carrier.open("wb") as file:
                for piece in source.pieces(name, 0, WHOLE):
                    file.write(piece)
            target.put(name, carrier)
    except OSError as error:
        raise VaultUnavailable(f"The spool could not be written: {error.strerror}") from error


def make_folders(folder: Path) -> None:
    """Make folders whose own entries are durable."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync(each.parent)


def sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name; False where that cannot be: across file systems, or on one without hard links."""
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}:
            return False
        raise
    return True
