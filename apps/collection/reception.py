"""Who brought what, how and on which medium: the facts of a reception record."""

from dataclasses import dataclass

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.collection.models import Method, Terminal
from apps.facilities.models import DeviceToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """How a collection comes in, known before its first byte. `reason`: why staff had the center read or file again."""

    method: Method
    actor: Actor
    operator: str = ""
    user: User | None = None
    device_token: DeviceToken | None = None
    terminal: Terminal | None = None
    medium_serial: str = ""
    source_address: str | None = None
    reason: str = ""
