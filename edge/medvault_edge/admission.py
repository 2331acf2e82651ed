"""Who may take collections from a terminal: a collector the center certified, for this facility, now and not again."""

from dataclasses import dataclass

from medvault_edge.errors import NotPermitted, NotUsable
from medvault_edge.passes import Passes
from medvault_edge.signing import opened
from medvault_edge.state import Device
from medvault_edge.visits import VISIT

MOST_OPERATOR, MOST_SERIAL = 150, 100  # as long as the center takes them


@dataclass(frozen=True, slots=True)
class Caller:
    """A collector that was admitted, with who carries it."""

    collector: str
    nonce: str
    operator: str
    medium_serial: str


def admitted(visit: str, device: Device, facility: str, nonces: Passes[bool]) -> Caller:
    """The collector that signed a visit. Its nonce is used up. Raises NotVerified, NotPermitted, NotUsable."""
    claims, signer = opened(visit, device.jwks, typ=VISIT)
    if signer.kind != "collector":
        raise NotPermitted("Only a collector may take collections along")
    if (claims.get("terminal"), claims.get("facility")) != (device.uid, facility):
        raise NotPermitted("The visit is meant for another terminal or facility")
    caller = Caller(
        signer.uid, str(claims.get("nonce")), str(claims.get("operator", "")), str(claims.get("medium_serial", ""))
    )
    if len(caller.operator) > MOST_OPERATOR or len(caller.medium_serial) > MOST_SERIAL:
        raise NotUsable("The operator's name or the medium's serial number is too long")
    if not nonces.use_up(caller.nonce):
        raise NotPermitted("The visit was made before, or too long ago")
    return caller
