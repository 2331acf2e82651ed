"""What commands share: options, the device's state, the time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from medvault_edge import telling
from medvault_edge.errors import NotUsable
from medvault_edge.state import State

Json = Annotated[bool, typer.Option("--json", help="Tell it as JSON, for programs.")]
FacilityOption = Annotated[str, typer.Option("--facility", help="Which facility, by its address name.")]
Folder = Annotated[Path, typer.Argument(help="The folder that holds the images.")]


def say(text: str) -> None:
    """Tell people, as it goes on."""
    telling.out.print(text, highlight=False, markup=False)


def state_of(context: typer.Context) -> State:
    """What this device remembers, without what a command that was killed left behind."""
    state = State(context.obj)
    state.sweep()
    return state


def terminals_state(context: typer.Context) -> State:
    """For what a facility asks for itself. Raises NotUsable where this device is no terminal of one."""
    state = state_of(context)
    if state.device().kind != "terminal":
        raise NotUsable("This device is enrolled as a collector; only a terminal asks for this")
    return state


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
