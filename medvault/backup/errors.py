"""What backup and restore refuse."""

from apps.core.errors import DomainError


class CannotBackUp(DomainError):
    """The backup is not whole, or could not be written."""

    code = "cannot_back_up"


class CannotRestore(DomainError):
    """What is to be restored cannot be, or there is something already where it would go."""

    code = "cannot_restore"
