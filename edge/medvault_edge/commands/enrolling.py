"""Becoming known to the center."""

from typing import Annotated

import typer

from medvault_edge import telling
from medvault_edge.commands.shared import Json, state_of
from medvault_edge.enrolling import enrol


def init(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The center's address, https://…")],
    code: Annotated[str, typer.Argument(help="The one-time code from the portal or from the center.")],
    name: Annotated[str, typer.Option(help="What this device is called.")] = "",
    as_json: Json = False,
) -> None:
    """Become known to the center, as a facility's terminal or an operator's collector."""
    device = enrol(state_of(context), url=url, code=code, name=name)
    facilities = state_of(context).facilities()
    told = {"kind": device.kind, "uid": device.uid, "facilities": [each.slug for each in facilities]}
    telling.told(told, as_json=as_json,
                 sentence=f"This is a {device.kind} of {device.center_name} for "
                 f"{', '.join(each.name for each in facilities)}.")  # fmt: skip
