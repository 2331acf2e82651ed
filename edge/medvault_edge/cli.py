"""`medvault-edge`: the commands. Each parses, calls one function, and tells what came of it.

Exit codes: 0 done; 1 failed; 2 cannot be done so; 3 not permitted; 4 not reachable; 5 refused; 6 not verified;
7 no room.
"""

import signal
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from medvault_edge import VERSION, telling
from medvault_edge.center import Center
from medvault_edge.collecting import Collected, Visit, collect, terminal_of
from medvault_edge.enrolling import enrol
from medvault_edge.errors import EdgeError, NoRoom, NotUsable, NotVerified
from medvault_edge.fetching import fetch_receipts
from medvault_edge.handing_over import hand_over, wait_until_stored
from medvault_edge.manifests import verify_manifest
from medvault_edge.node import Fetched, Node, fetch
from medvault_edge.offering import Offering
from medvault_edge.outputs import verify_output
from medvault_edge.proofs import verify_proof
from medvault_edge.pruning import Choice, candidates, prune
from medvault_edge.receipts import verify
from medvault_edge.receiver import Receiver
from medvault_edge.restoring import choose, restore
from medvault_edge.serving import Serving
from medvault_edge.signing import keys_in
from medvault_edge.state import State, default_home
from medvault_edge.statements import is_statement, verify_statement
from medvault_edge.visiting import Visited, visit
from medvault_edge.watching import SETTLED_S, Watch, watch

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
REASONS = ("important", "closure", "replacement", "disk")

Json = Annotated[bool, typer.Option("--json", help="Tell it as JSON, for programs.")]
FacilityOption = Annotated[str, typer.Option("--facility", help="Which facility, by its address name.")]
Folder = Annotated[Path, typer.Argument(help="The folder that holds the images.")]


def _tell_version(asked: bool) -> None:  # noqa: FBT001 typer's signature
    if asked:
        telling.out.print(VERSION, highlight=False)
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder of what this device remembers [MEDVAULT_EDGE_HOME].")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version.")
    ] = False,
) -> None:
    """Storage terminal and collector of a MedVault image storage center."""
    context.obj = home or default_home()


@app.command()
def init(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The center's address, https://…")],
    code: Annotated[str, typer.Argument(help="The one-time code from the portal or from the center.")],
    name: Annotated[str, typer.Option(help="What this device is called.")] = "",
    as_json: Json = False,
) -> None:
    """Become known to the center, as a facility's terminal or an operator's collector."""
    device = enrol(_state(context), url=url, code=code, name=name)
    facilities = _state(context).facilities()
    told = {"kind": device.kind, "uid": device.uid, "facilities": [each.slug for each in facilities]}
    telling.told(told, as_json=as_json,
                 sentence=f"This is a {device.kind} of {device.center_name} for "
                 f"{', '.join(each.name for each in facilities)}.")  # fmt: skip


@app.command("collect")
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
    state, stack = _state(context), ExitStack()
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
            folder, wanted, state, now=_now(), progress=lambda size: bar.advance(task, size),
            receipts=state.home if node else None,
        )  # fmt: skip
    _tell_collected(collected, fetched, as_json=as_json)


@app.command()
def handover(
    context: typer.Context,
    facility: FacilityOption = "",
    wait: Annotated[int, typer.Option(help="Wait so many seconds for the receipts of storage.")] = 0,
    as_json: Json = False,
) -> None:
    """Send what was collected to the center. A copy here is wiped once the center's receipt of storage is verified."""
    state = _state(context)
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


@app.command()
def receipts(context: typer.Context, facility: FacilityOption = "", as_json: Json = False) -> None:
    """Fetch the center's receipts, verify and keep them."""
    state = _state(context)
    table = telling.table("New receipts", "Facility", "Collection", "Kind", "Images:")
    told: list[dict[str, Any]] = []
    for each in [each for each in state.facilities() if facility in {"", each.slug}]:
        for receipt in fetch_receipts(state, each):
            count = len(list(receipt.files()))
            told.append({"facility": each.slug, "collection": receipt.collection, "kind": receipt.kind, "files": count})
            table.add_row(each.slug, receipt.collection[:8], receipt.kind, f"{count:,}")
    telling.told(told, as_json=as_json, table=table, sentence="" if told else "There is nothing new.")


@app.command("prune")
def prune_command(
    context: typer.Context,
    folder: Folder,
    facility: FacilityOption = "",
    older_than: Annotated[int, typer.Option(min=0, help="Only what is older than so many days.")] = 0,
    keep: Annotated[list[str] | None, typer.Option(help="Keep these: a pattern of names, or a study's UID.")] = None,
    keep_list: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with one of them on each line.")
    ] = None,
    until_free: Annotated[int | None, typer.Option(min=0, help="Only until so many GB are free.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete. Without it, this only tells what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Delete images here that the center has stored, by its verified word. Nothing else is ever deleted."""
    state = _state(context)
    which = state.facility(facility)
    listed = keep_list.read_text("utf-8").split("\n") if keep_list else []
    patterns = tuple(each.strip() for each in [*(keep or []), *listed] if each.strip())
    choice = Choice(older_than, patterns, until_free * 1000**3 if until_free is not None else None)
    chosen = candidates(folder, which.slug, choice, state, now=_now())
    gone = prune(chosen, folder, which.slug, state) if yes else []
    length = sum(each.length for each in (gone if yes else chosen))
    told = {"deleted": yes, "files": len(gone) if yes else len(chosen), "bytes": length}
    what = f"{telling.counted(len(gone if yes else chosen), 'file')} ({telling.size(length)})"
    sentence = f"Deleted: {what}." if yes else f"Would be deleted: {what}. Run again with --yes to do it."
    telling.told(told, as_json=as_json, sentence=sentence)


@app.command()
def request(
    context: typer.Context,
    reason: Annotated[str, typer.Argument(help=" | ".join(REASONS))],
    note: Annotated[str, typer.Option(help="What the center should know. No names of patients.")] = "",
    due: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="By when.")] = None,
    facility: FacilityOption = "",
    terminal: Annotated[str, typer.Option(help="Which terminal.")] = "",
    as_json: Json = False,
) -> None:
    """Ask the center to collect."""
    if reason not in REASONS:
        raise NotUsable(f"A reason is one of: {', '.join(REASONS)}")
    state = _terminals_state(context)
    which = state.facility(facility)
    meant = terminal_of(which, terminal)
    if meant is None:
        raise NotUsable("The facility has no terminal")
    wish = {"reason": reason, "note": note, "due_at": due.astimezone(UTC).isoformat() if due else None}
    with Center(state.device().center_url, which.token) as center:
        answer = center.request_collection(which.slug, meant["uid"], wish)
    telling.told(answer, as_json=as_json, sentence="The center was asked to collect.")


@app.command("restore")
def restore_command(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder that the images come back to.")],
    order: Annotated[str, typer.Option(help="Which order, such as O-000012; needed where several lie ready.")] = "",
    facility: FacilityOption = "",
    as_json: Json = False,
) -> None:
    """Fetch what the center gives back, verify every byte, and say that it is here. Cut, run it again: it goes on."""
    state = _terminals_state(context)
    which = state.facility(facility)
    with Center(state.device().center_url, which.token) as center, telling.bar() as bar:
        task = bar.add_task("Restoring", total=None)
        found = restore(
            choose(center, which.slug, order), folder, state, center,
            total=lambda length: bar.update(task, total=length), progress=lambda size: bar.advance(task, size),
        )  # fmt: skip
    told = {"order": found.order, "folder": str(found.folder), "files": found.files, "bytes": found.length,
            "receipted": found.receipted, "statement": str(found.statement)}  # fmt: skip
    sentence = (
        f"{telling.counted(found.files, 'file')} ({telling.size(found.length)}) are back in {found.folder}, "
        f"{found.receipted:,} of them as the center's receipts said. Its signed word: {found.statement}"
    )
    telling.told(told, as_json=as_json, sentence=sentence)


@app.command("verify")
def verify_command(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            help="Receipts and other signed words (.jws), proofs (.json), outputs (.zip), folders of media, manifests"
            " (.jsonl).",
        ),
    ],
    keys: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The center's keys, from /.well-known/medvault-jwks.json."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check receipts, proofs and outputs with the center's keys, offline."""
    jwks = keys_in(keys.read_text("utf-8", "replace")) if keys else _state(context).device().jwks
    table = telling.table("Receipts", "File", "Kind", "Signed by", "Facility", "Images:", "Stored:")
    told = []
    for path in files:
        try:
            row, content = _verified(path, jwks)
        except NotVerified as error:
            raise NotVerified(f"{path.name}: {error}") from error
        table.add_row(path.name, *row)
        told.append({"file": str(path), **content})
    telling.told(told, as_json=as_json, table=table, sentence="Every signature is good.")


@app.command("watch")
def watch_command(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(help="Folders with the facility's images.")],
    every: Annotated[float, typer.Option(min=1, help="Seconds between reports.")] = 300,
    receive: Annotated[
        int, typer.Option(help="Receive from modalities on this DICOM port, into the first folder.")
    ] = 0,
    receive_host: Annotated[str, typer.Option(help="The address to receive on; default: every one.")] = "",
    ae_title: Annotated[str, typer.Option(help="Our AE title as receiver.")] = "TERMINAL",
    allow: Annotated[
        list[str] | None, typer.Option(help="Modalities that may send, by AE title; default: all.")
    ] = None,
    serve: Annotated[int, typer.Option(help="Let collectors on the LAN come for images on this port.")] = 0,
    serve_host: Annotated[str, typer.Option(help="The address to let them come to; default: every one.")] = "",
    settled: Annotated[float, typer.Option(min=0, help="Seconds a file must have been left alone.")] = SETTLED_S,
    quota_gb: Annotated[float | None, typer.Option(help="What the folders may take of a shared disk.")] = None,
    once: Annotated[bool, typer.Option("--once", help="One round.")] = False,
) -> None:
    """Follow folders: report how full the disk is, send by the agreed rhythm or when asked to. Ends by SIGTERM."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    quota = None if quota_gb is None else max(1, int(quota_gb * 1000**3))
    watching = Watch(folders, _state(context), _say, settled, quota)
    with ExitStack() as stack:
        if receive:
            allowed = frozenset(allow or [])
            stack.enter_context(
                Receiver(folders[0], ae_title=ae_title, host=receive_host, port=receive, allowed_ae_titles=allowed)
            )
        if serve:
            offering = Offering(context.obj, folders, settled, _now, _say)
            stack.enter_context(Serving(offering, host=serve_host, port=serve))
        if once:
            watching.once(now=_now())
        else:
            watch(watching, every_s=every, clock=_now, is_over=over.is_set)


def main() -> None:
    """The program: facts that stand in the way become one sentence and an exit code."""
    try:
        app()
    except EdgeError as error:
        telling.err.print(f"medvault-edge: {error}", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except OSError as error:
        telling.err.print(f"medvault-edge: {error.strerror or 'A file cannot be read or written'}", markup=False)
        sys.exit(1)


def _visit(address: str, wanted: Visit, state: State, *, as_json: bool) -> None:
    with telling.bar() as bar:
        task = bar.add_task("Copying", total=None)
        visited = visit(address, wanted, state, now=_now(), progress=lambda size: bar.advance(task, size))
    _tell_collected(visited, None, as_json=as_json)
    if visited.problem:
        raise NoRoom(f"The terminal could not seal all: {visited.problem}")


def _verified(path: Path, jwks: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """What a file says, checked: a row for people, and the same for programs. Raises NotVerified."""
    if path.is_dir() or path.suffix.lower() in {".zip", ".jsonl"}:
        is_manifest = path.suffix.lower() == ".jsonl" and not path.is_dir()
        found = verify_manifest(path, jwks) if is_manifest else verify_output(path, jwks)
        kind = "manifest" if is_manifest else "output"
        return (kind, "the center", found.facility, f"{found.count:,}", ""), {
            "kind": kind, "signer": "center", "facility": found.facility, "order": found.order, "files": found.count,
        }  # fmt: skip
    if path.suffix.lower() == ".json":
        proved = verify_proof(path.read_text("utf-8", "replace"), jwks)
        return (proved.kind, "the center", proved.facility, f"{proved.files or ''}", ""), {
            "kind": proved.kind, "signer": "center", "facility": proved.facility, "until": proved.until,
            "files": proved.files,
        }  # fmt: skip
    token = path.read_text("ascii", "replace").strip()
    if is_statement(token):
        statement = verify_statement(token, jwks)
        return (statement.kind, "the center", statement.facility, "", ""), {
            "kind": statement.kind, "signer": "center", "facility": statement.facility, "claims": statement.claims,
        }  # fmt: skip
    receipt = verify(token, jwks)
    stored = len(receipt.stored())
    signer = "the center" if receipt.signer == "center" else f"collector {receipt.signer[:8]}"
    return (receipt.kind, signer, receipt.facility, f"{receipt.count:,}", f"{stored:,}"), {
        "kind": receipt.kind, "signer": receipt.signer, "facility": receipt.facility, "collection": receipt.collection,
        "files": receipt.count, "stored": stored,
    }  # fmt: skip


def _tell_collected(collected: Collected | Visited, fetched: Fetched | None, *, as_json: bool) -> None:
    left, known = collected.left_by_reason, collected.known + (fetched.known if fetched else 0)
    content = {
        "collections": [each.uid for each in collected.collections], "files": collected.files,
        "bytes": collected.length, "known": known, "unmarked": collected.unmarked, "left": left,
        "receipts": [str(path) for path in collected.receipts],
        "not_delivered": len(fetched.missing) if fetched else 0,
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


def _say(text: str) -> None:
    telling.out.print(text, highlight=False, markup=False)


def _state(context: typer.Context) -> State:
    state = State(context.obj)
    state.sweep()
    return state


def _terminals_state(context: typer.Context) -> State:
    """For what a facility asks for itself. Raises NotUsable where this device is no terminal of one."""
    state = _state(context)
    if state.device().kind != "terminal":
        raise NotUsable("This device is enrolled as a collector; only a terminal asks for this")
    return state


def _now() -> datetime:
    return datetime.now(UTC)


def _day(given: datetime | None) -> date | None:
    return given.date() if given else None


if __name__ == "__main__":
    main()
