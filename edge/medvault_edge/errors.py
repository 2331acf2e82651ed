"""What can go wrong, as facts; each message is one sentence for the operator, without patient data."""


class EdgeError(Exception):
    """Base of them; `exit_code` is the program's."""

    exit_code = 1


class NotEnrolled(EdgeError):
    """`init` has not been run, or not for this facility."""

    exit_code = 2


class NotPermitted(EdgeError):
    """The center refuses: the token or code is unknown, expired, revoked, or of another facility."""

    exit_code = 3


class NotReachable(EdgeError):
    """The center does not answer; later it may."""

    exit_code = 4


class Refused(EdgeError):
    """The center does not take what was sent."""

    exit_code = 5


class NotVerified(EdgeError):
    """A signature is not the center's, or the text is no receipt."""

    exit_code = 6


class NoRoom(EdgeError):
    """The disk is full, or the file system refuses the file."""

    exit_code = 7


class Changed(EdgeError):
    """A file was changed while it was being read."""

    def __init__(self, source: str) -> None:
        super().__init__("A file was changed while it was read")
        self.source = source


class NotUsable(EdgeError):
    """What was asked for cannot be done: a folder that is not there, a facility that is ambiguous."""

    exit_code = 2
