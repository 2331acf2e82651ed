"""Verifying packs beside reading and hashing the same files plainly: from the disk, not from what memory still has."""

import os
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.benchmarks import database

SIZES = [(32 << 20, 40), (4 << 20, 200), (512 << 10, 1000)]  # bytes of a pack, packs
ROUNDS = 3
PIECE = 1 << 20
console = Console(width=110)


@dataclass(frozen=True)
class Speeds:
    """MB/s of both, and by how many MB verifying raised this process's memory."""

    plain: float
    verifying: float
    memory: float


def main() -> None:
    with database.started():
        table = Table("Packs, each in two places", "plain", "verifying", "ratio", "memory", title="Fixity, cold cache")
        for size, count in SIZES:
            speeds = _measured(size, count)
            table.add_row(
                f"{count:,} of {size / 1e6:,.1f} MB", f"{speeds.plain:,.0f} MB/s", f"{speeds.verifying:,.0f} MB/s",
                f"{speeds.verifying / speeds.plain:.2f}", f"+{speeds.memory:,.0f} MB",
            )  # fmt: skip
        console.print(table)


def _measured(size: int, count: int) -> Speeds:
    from apps.facilities.models import Facility
    from apps.facilities.tenancy import as_center

    with as_center():
        facility = Facility.objects.create(slug=f"bench-{size}", name="Bench", country="JP")
    paths = _packs(facility.pk, size, count)
    plain: list[float] = []
    verifying: list[float] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(ROUNDS):
        plain.append(_rate(paths, lambda: _read(paths)))
        verifying.append(_rate(paths, lambda: _verify(facility, count)))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in paths:
        path.unlink()
    return Speeds(median(plain), median(verifying), (after - before) / 1000)


def _packs(facility_id: int, size: int, count: int) -> list[Path]:
    """Files in both places and their rows; the bytes mean nothing."""
    from apps.core.clock import database_now
    from apps.facilities.tenancy import as_facility
    from apps.vault.models import Pack
    from apps.vault.places import DirectoryPlace, place

    rows, paths = [], []
    now = database_now()
    for number in range(count):
        name = f"{facility_id}/{number % 256:02x}/{number}-1.zip"
        for alias in ("primary", "replica"):
            where = place(alias)
            assert isinstance(where, DirectoryPlace)
            path = Path(where.path(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            paths.append(path)
        digest = _fill(paths[-2:], size)
        rows.append(
            Pack(
                facility_id=facility_id, name=name, kind="study", size_bytes=size, sha256=digest,
                file_count=1, created_at=now, replicated_at=now,
            )
        )  # fmt: skip
    with as_facility(facility_id):
        Pack.objects.bulk_create(rows)
    return paths


def _fill(paths: list[Path], size: int) -> bytes:
    """The same random bytes in each file; their digest."""
    digest = sha256()
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for start in range(0, size, PIECE):
            content = os.urandom(min(PIECE, size - start))
            digest.update(content)
            for file in files:
                file.write(content)
    return digest.digest()


def _rate(paths: list[Path], act: Callable[[], None]) -> float:
    """MB/s of what reads all the files, none of which memory has when it starts."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    size = sum(path.stat().st_size for path in paths)
    started = time.perf_counter()
    act()
    return size / 1e6 / (time.perf_counter() - started)


def _read(paths: list[Path]) -> None:
    for path in paths:
        digest = sha256()
        with path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                digest.update(piece)


def _verify(facility: object, count: int) -> None:
    from apps.facilities.models import Facility
    from apps.facilities.tenancy import as_center
    from apps.vault.budget import Budget
    from apps.vault.fixity import Sweep, sweep

    assert isinstance(facility, Facility)
    with as_center():
        run = Sweep.of(facility=facility, is_all=True)
    sweep(run, Budget())
    if (run.packs, run.found) != (count, []):
        raise RuntimeError(f"{run.packs} of {count} packs were read, {len(run.found)} found damaged")
