"""What a facility does at its terminal: follow its folders, ask for collection, clear the disk, get images back."""

import signal
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from medvault_edge import telling
from medvault_edge.center import Center
from medvault_edge.collecting import terminal_of
from medvault_edge.commands.shared import FacilityOption, Folder, Json, now, say, state_of, terminals_state
from medvault_edge.errors import NotUsable
from medvault_edge.offering import Offering
from medvault_edge.pruning import Choice, candidates, prune
from medvault_edge.receiver import Receiver
from medvault_edge.restoring import choose, restore
from medvault_edge.serving import Serving
from medvault_edge.watching import SETTLED_S, Watch, watch

REASONS = ("important", "closure", "replacement", "disk")


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
    watching = Watch(folders, state_of(context), say, settled, quota)
    with ExitStack() as stack:
        if receive:
            allowed = frozenset(allow or [])
            stack.enter_context(
                Receiver(folders[0], ae_title=ae_title, host=receive_host, port=receive, allowed_ae_titles=allowed)
            )
        if serve:
            offering = Offering(context.obj, folders, settled, now, say)
            stack.enter_context(Serving(offering, host=serve_host, port=serve))
        if once:
            watching.once(now=now())
        else:
            watch(watching, every_s=every, clock=now, is_over=over.is_set)


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
    state = terminals_state(context)
    which = state.facility(facility)
    meant = terminal_of(which, terminal)
    if meant is None:
        raise NotUsable("The facility has no terminal")
    wish = {"reason": reason, "note": note, "due_at": due.astimezone(UTC).isoformat() if due else None}
    with Center(state.device().center_url, which.token) as center:
        answer = center.request_collection(which.slug, meant["uid"], wish)
    telling.told(answer, as_json=as_json, sentence="The center was asked to collect.")


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
    state = state_of(context)
    which = state.facility(facility)
    listed = keep_list.read_text("utf-8").split("\n") if keep_list else []
    patterns = tuple(each.strip() for each in [*(keep or []), *listed] if each.strip())
    choice = Choice(older_than, patterns, until_free * 1000**3 if until_free is not None else None)
    chosen = candidates(folder, which.slug, choice, state, now=now())
    gone = prune(chosen, folder, which.slug, state) if yes else []
    length = sum(each.length for each in (gone if yes else chosen))
    told = {"deleted": yes, "files": len(gone) if yes else len(chosen), "bytes": length}
    what = f"{telling.counted(len(gone if yes else chosen), 'file')} ({telling.size(length)})"
    sentence = f"Deleted: {what}." if yes else f"Would be deleted: {what}. Run again with --yes to do it."
    telling.told(told, as_json=as_json, sentence=sentence)


def restore_command(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder that the images come back to.")],
    order: Annotated[str, typer.Option(help="Which order, such as O-000012; needed where several lie ready.")] = "",
    facility: FacilityOption = "",
    as_json: Json = False,
) -> None:
    """Fetch what the center gives back, verify every byte, and say that it is here. Cut, run it again: it goes on."""
    state = terminals_state(context)
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
