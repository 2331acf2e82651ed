"""Which terminal is calling."""

from dataclasses import dataclass

from apps.collection.models import Terminal
from apps.core.errors import DomainError
from apps.facilities.tenancy import as_center


class UnknownTerminal(DomainError):
    """No terminal is registered that calls itself so from there, or has that certificate."""

    code = "unknown_terminal"

    def __init__(self) -> None:
        super().__init__("No such terminal is registered")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who opens a DICOM association: the calling AE title, the peer's address, the certificate TLS has checked."""

    ae_title: str
    address: str
    certificate_sha256: bytes | None = None


def terminal_of(caller: Caller) -> Terminal:
    """The caller's terminal, its facility loaded: by its certificate, else by AE title and address.

    A terminal that has a certificate registered is not believed without it. Raises UnknownTerminal.
    """
    terminals = Terminal.objects.select_related("facility").filter(retired_at=None).exclude(ae_title="")
    if caller.certificate_sha256:
        terminals = terminals.filter(certificate_sha256=caller.certificate_sha256, ae_title=caller.ae_title)
    else:
        terminals = terminals.filter(
            certificate_sha256=None, ae_title=caller.ae_title, address=caller.address
        )  # fmt: skip
    with as_center():
        terminal = terminals.first()
    if terminal is None:
        raise UnknownTerminal
    return terminal
