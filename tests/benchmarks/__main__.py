"""`make bench`: what storing and searching cost, beside Orthanc where it is installed, else beside the machine."""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import billing, fixity, media, pages, retention, search_at_a_million, simulating, wado
from tests.benchmarks.handover import handed_over
from tests.benchmarks.images import Slices
from tests.benchmarks.network import STORESCU, stored_per_second
from tests.benchmarks.servers import Server, medvault, orthanc, orthanc_program
from tests.benchmarks.storing import big, images_per_second, middle

ROUNDS = 5
NETWORK_CASES = [  # side, associations, Nagle's algorithm, images
    (64, 1, True, 200), (64, 4, True, 600), (512, 1, True, 200), (512, 4, True, 400),
    (64, 1, False, 2000), (64, 4, False, 4000), (512, 1, False, 600), (512, 4, False, 1000),
]  # fmt: skip
CASES = [(64, 1, 2000), (64, 4, 4000), (512, 1, 600), (512, 4, 1000)]
console = Console(width=110)


def main(chosen: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="medvault-bench-") as folder:
        Path(folder).chmod(0o755)
        for measure in (limits, storing, network, handover):
            if not chosen or measure.__name__ in chosen:
                measure(Path(folder))
        if not chosen or {"wado", "wado=small"} & set(chosen):
            wado.main(Path(folder), small="wado=small" in chosen)
    of_rows = {"search": search_at_a_million, "pages": pages, "fixity": fixity, "media": media, "billing": billing}
    for name, module in of_rows.items():
        if not chosen or name in chosen:
            module.main()
    if not chosen or "retention" in chosen or "retention=large" in chosen:
        retention.main(large="retention=large" in chosen)
    if not chosen or "simulating" in chosen:
        simulating.main()


def limits(folder: Path) -> None:
    table = Table("What the machine gives", "", title="Limits")
    data = os.urandom(64 << 20)
    table.add_row("SHA-256, one core", f"{_rate(len(data), lambda: hashlib.sha256(data).digest()):,.0f} MB/s")

    def write() -> None:
        with (folder / "file").open("wb", buffering=0) as file:
            file.write(data)
            os.fsync(file.fileno())

    table.add_row("one file of 64 MB, written and fsynced", f"{_rate(len(data), write):,.0f} MB/s")
    started = time.perf_counter()
    for number in range(200):
        with (folder / f"small{number}").open("wb", buffering=0) as file:
            file.write(data[:8192])
            os.fsync(file.fileno())
    table.add_row("files of 8 KB, written and fsynced", f"{200 / (time.perf_counter() - started):,.0f} a second")
    console.print(table)


def storing(folder: Path) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(medvault(folder / "medvault"))]
        if orthanc_program():
            servers.append(stack.enter_context(orthanc(folder / "orthanc")))
        else:
            console.print("Orthanc is not installed (Debian: orthanc orthanc-dicomweb); MedVault is measured alone")
        table = Table("STOW-RS, batches of 50", *(server.name for server in servers), "MedVault / Orthanc")
        for side, connections, count in CASES:
            figures = _in_turns(servers, side, connections, count)
            cells = [f"{middle(figures[server.name]):,.0f} images/s" for server in servers]
            table.add_row(f"{side}x{side}, {connections} conn.", *cells, _ratio(servers, figures))
        speeds = {server.name: big(server) for server in servers}
        table.add_row("1 GiB object", *(f"{speeds[server.name][0]:,.0f} MB/s" for server in servers),
                      _ratio(servers, {name: [speed] for name, (speed, _) in speeds.items()}))  # fmt: skip
        table.add_row("... raises memory by", *(f"{speeds[server.name][1]:,.0f} MB" for server in servers), "")
        console.print(table)


def network(folder: Path) -> None:
    if not STORESCU.exists():
        console.print("dcmtk's storescu is not installed (Debian: dcmtk); C-STORE is not measured")
        return
    with ExitStack() as stack:
        servers = [stack.enter_context(medvault(folder / "medvault-network"))]
        if orthanc_program():
            servers.append(stack.enter_context(orthanc(folder / "orthanc-network")))
        table = Table("C-STORE, images a second", *(server.name for server in servers), "MedVault / Orthanc")
        for side, associations, has_delay, count in NETWORK_CASES:
            slices = Slices(side)
            figures: dict[str, list[float]] = {server.name: [] for server in servers}
            for number in range(3):
                for server in _alternating(servers, number):
                    figures[server.name].append(
                        stored_per_second(server, slices, count=count, associations=associations, has_delay=has_delay)
                    )
            cells = [f"{middle(figures[server.name]):,.0f}" for server in servers]
            sender = "as shipped" if has_delay else "TCP_NODELAY"
            table.add_row(f"{side}x{side}, {associations} assoc., {sender}", *cells, _ratio(servers, figures))
        console.print(table)


def handover(folder: Path) -> None:
    with medvault(folder / "medvault-handover") as server:
        speeds = handed_over(server, folder / "handover")
    table = Table("Handover of 1 GB", "")
    table.add_row("sealing", f"{speeds.sealing:,.0f} MB/s")
    table.add_row("uploading", f"{speeds.uploading:,.0f} MB/s")
    table.add_row("opening, until it is received", f"{speeds.opening:,.0f} MB/s")
    table.add_row(
        "memory: the edge program, the center", f"+{speeds.edge_memory:,.0f} MB, +{speeds.server_memory:,.0f} MB"
    )
    console.print(table)


def _in_turns(servers: list[Server], side: int, connections: int, count: int) -> dict[str, list[float]]:
    slices = Slices(side)
    figures: dict[str, list[float]] = {server.name: [] for server in servers}
    for server in servers:  # the first requests of a process are slower, in every server
        images_per_second(server, slices, count=count // 4 // 50 * 50 or 50, connections=connections)
    for number in range(ROUNDS):
        for server in _alternating(servers, number):
            figures[server.name].append(images_per_second(server, slices, count=count, connections=connections))
    return figures


def _alternating(servers: list[Server], number: int) -> Iterator[Server]:
    yield from servers if number % 2 == 0 else reversed(servers)


def _ratio(servers: list[Server], figures: dict[str, list[float]]) -> str:
    return f"{middle(figures['MedVault']) / middle(figures['Orthanc']):.2f}" if len(servers) > 1 else ""


def _rate(nbytes: int, act: object) -> float:
    assert callable(act)
    started = time.perf_counter()
    for _ in range(3):
        act()
    return 3 * nbytes / 1e6 / (time.perf_counter() - started)


if __name__ == "__main__":
    main(sys.argv[1:])
