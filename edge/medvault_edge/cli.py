"""`medvault-edge`: its commands, and what stands in their way as one sentence.

Exit codes: 0 done; 1 failed; 2 cannot be done so; 3 not permitted; 4 not reachable; 5 refused; 6 not verified;
7 no room.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from medvault_edge import VERSION, telling
from medvault_edge.commands.collecting import collect_command, handover, receipts
from medvault_edge.commands.enrolling import init
from medvault_edge.commands.facility import prune_command, request, restore_command, watch_command
from medvault_edge.commands.verifying import verify_command
from medvault_edge.errors import EdgeError
from medvault_edge.state import default_home

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


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


for name, command in (
    ("init", init), ("collect", collect_command), ("handover", handover), ("receipts", receipts),
    ("prune", prune_command), ("request", request), ("restore", restore_command), ("verify", verify_command),
    ("watch", watch_command),
):  # fmt: skip
    app.command(name)(command)


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


if __name__ == "__main__":
    main()
