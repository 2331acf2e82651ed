"""Collecting, handing over to the center, and its receipts."""

from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from medvault_edge import telling
from medvault_edge.collecting import Collected, Visit, collect
from medvault_edge.commands.shared import FacilityOption, Json, now, state_of
from medvault_edge.errors import NoRoom, NotUsable
from medvault_edge.fetching import fetch_receipts
from medvault_edge.gathering import Left
from medvault_edge.handing_over import hand_over, wait_until_stored
from medvault_edge.node import Fetched, Node, fetch
from medvault_edge.state import State
from medvault_edge.visiting import Visited, visit

MOST_NAMED = 20
_PRESSING = ("changed", "unreadable", "over_amount", "not_marked")


def collect_command(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Folder, disc or mounted terminal.")] = None,
    terminal_at: Annotated[str, typer.Option(help="A terminal on the LAN instead of a folder: host:port.")] = "",
    facility: FacilityOption = "",
    terminal: Annotated[str, typer.Option(help="Which of the facility's terminals, by name or identifier.")] = "",
    operator: Annotated[str, typer.Option(help="Who collects.")] = "",
    medium_serial: Annotated[str, typer.Option(help="Serial number of the medium.")] = "",
    is_medium: Annotated[bool, typer.Option("--medium", help="The images came on a medium, not at a visit.")] = False,
    node: Annotated[str, typer.Option(help="A DICOM node instead of a folder: AETITLE@host:port.")] = "",
    via: Annotated[Literal["get", "move"], typer.Option(help="How the node delivers.")] = "get",
    calling_ae: Annotated[str, typer.Option(help="What we call ourselves to the node.")] = "MEDVAULTEDGE",
    move_port: Annotated[int, typer.Option(help="Where the node delivers to, with --via move.")] = 11113,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Study dates from this day on.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Study dates up to this day.")] = None,
    as_json: Json = False,
) -> None:
    """Take along what is new and meant for storage, sealed. Nothing is deleted."""
    state, stack = state_of(context), ExitStack()
    if [bool(folder), bool(node), bool(terminal_at)].count(True) != 1:
        raise NotUsable("Name a folder, or a node with --node, or a terminal with --terminal-at")
    if not operator and state.device().kind == "collector":
        raise NotUsable("Say who collects: --operator NAME")
    wanted = Visit(facility, terminal, "media" if is_medium else "visit", operator, medium_serial)
    if terminal_at:
        _visit(terminal_at, wanted, state, as_json=as_json)
        return
    with stack, telling.bar() as bar:
        fetched: Fetched | None = None
        if node:
            slug, folder = state.facility(facility).slug, stack.enter_context(state.fetching())
            fetched = fetch(
                Node.parsed(node), into=folder, calling_ae=calling_ae, since=_day(since), until=_day(until),
                via=via, move_port=move_port,
                is_known=lambda uid: state.is_fetched(slug, uid),
            )  # fmt: skip
            state.note_fetched(slug, fetched.received.items())
        assert folder
        task = bar.add_task("Sealing", total=None)
        collected = collect(
            folder, wanted, state, now=now(), progress=lambda size: bar.advance(task, size),
            receipts=state.home if node else None,
        )  # fmt: skip
    _tell_collected(collected, fetched, as_json=as_json)


def handover(
    context: typer.Context,
    facility: FacilityOption = "",
    wait: Annotated[int, typer.Option(help="Wait so many seconds for the receipts of storage.")] = 0,
    as_json: Json = False,
) -> None:
    """Send what was collected to the center. A copy here is wiped once the center's receipt of storage is verified."""
    state = state_of(context)
    with telling.bar() as bar:
        tasks = {
            each.uid: bar.add_task(each.uid[:8], total=each.sealed_length)
            for each in state.collections("sealed", facility=facility)
        }
        handed = hand_over(
            state, facility=facility,
            progress=lambda sealed, offset: bar.update(tasks[sealed.uid], completed=offset),
        )  # fmt: skip
    if wait:
        wait_until_stored(state, facility=facility, timeout_s=wait)
    mine = {each.collection.uid: each for each in handed}
    now = [each for each in state.collections(facility=facility) if each.uid in mine]
    table = telling.table("Collections", "Collection", "Facility", "Images:", "State", "")
    for each in now:
        table.add_row(each.uid[:8], each.facility, f"{each.files:,}", each.state, each.reason or mine[each.uid].problem)
    content = [{"uid": each.uid, "facility": each.facility, "state": each.state, "files": each.files,
                "problem": each.reason or mine[each.uid].problem} for each in now]  # fmt: skip
    telling.told(content, as_json=as_json, table=table, sentence="" if now else "Nothing is waiting to be handed over.")
    if any(each.problem or each.state == "failed" for each in handed):
        raise typer.Exit(1)


def receipts(context: typer.Context, facility: FacilityOption = "", as_json: Json = False) -> None:
    """Fetch the center's receipts, verify and keep them."""
    state = state_of(context)
    table = telling.table("New receipts", "Facility", "Collection", "Kind", "Images:")
    told: list[dict[str, Any]] = []
    for each in [each for each in state.facilities() if facility in {"", each.slug}]:
        for receipt in fetch_receipts(state, each):
            count = len(list(receipt.files()))
            told.append({"facility": each.slug, "collection": receipt.collection, "kind": receipt.kind, "files": count})
            table.add_row(each.slug, receipt.collection[:8], receipt.kind, f"{count:,}")
    telling.told(told, as_json=as_json, table=table, sentence="" if told else "There is nothing new.")


def _visit(address: str, wanted: Visit, state: State, *, as_json: bool) -> None:
    with telling.bar() as bar:
        task = bar.add_task("Copying", total=None)
        visited = visit(address, wanted, state, now=now(), progress=lambda size: bar.advance(task, size))
    _tell_collected(visited, None, as_json=as_json)
    if visited.problem:
        raise NoRoom(f"The terminal could not seal all: {visited.problem}")


def _tell_collected(collected: Collected | Visited, fetched: Fetched | None, *, as_json: bool) -> None:
    left, known = collected.left_by_reason, collected.known + (fetched.known if fetched else 0)
    content = {
        "collections": [each.uid for each in collected.collections], "files": collected.files,
        "bytes": collected.length, "known": known, "unmarked": collected.unmarked, "left": left,
        "receipts": [str(path) for path in collected.receipts],
        "not_delivered": len(fetched.missing) if fetched else 0,
        "stays": [{"file": each.source, "reason": each.reason, "why": each.why} for each in collected.left]
        if isinstance(collected, Collected) else [],
    }  # fmt: skip
    table = telling.table("Collected", "", "Files:")
    table.add_row("Taken, sealed", f"{collected.files:,}")
    table.add_row("Known already", f"{known:,}")
    for reason, count in sorted(left.items()):
        table.add_row(f"Left: {reason.replace('_', ' ')}", f"{count:,}")
    if fetched and fetched.missing:
        table.add_row("Listed by the node, not delivered", f"{len(fetched.missing):,}")
    sentence = (
        f"{telling.size(collected.length)} in {telling.counted(len(collected.collections), 'sealed collection')}."
    )
    if collected.receipts:
        lies = " lies with the terminal" if isinstance(collected, Visited) else ""
        sentence += f" The receipt to print{lies}: {collected.receipts[-1]}"
    telling.told(content, as_json=as_json, table=table, sentence=sentence)
    if isinstance(collected, Collected) and not as_json:
        _tell_left(collected.left)


def _tell_left(left: list[Left]) -> None:
    """What stays, and why; first what somebody can do something about."""
    rows = sorted(left, key=lambda each: (_PRESSING.index(each.reason), each.source))
    table = telling.table("Left behind", "File", "Why")
    for each in rows[:MOST_NAMED]:
        table.add_row(each.source, each.why or each.reason.replace("_", " "))
    further = len(rows) - MOST_NAMED
    sentence = f"And {telling.counted(further, 'further file')}; --json names all." if further > 0 else ""
    telling.told(None, as_json=False, table=table, sentence=sentence)


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None
