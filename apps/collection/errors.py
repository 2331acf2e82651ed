"""Facts by which collecting refuses."""

from apps.core.errors import DomainError


class IllegalTransition(DomainError):
    """The collection's state does not allow the act."""

    code = "illegal_transition"


class NothingReceivable(DomainError):
    """There is nothing at the given place that could be received."""

    code = "nothing_receivable"
