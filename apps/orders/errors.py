"""Facts that refuse an act on an order."""

from apps.core.errors import DomainError


class IllegalTransition(DomainError):
    """The order's state does not allow it."""

    code = "illegal_transition"


class NothingChosen(DomainError):
    """No image is chosen, or none of them is there any more."""

    code = "nothing_chosen"


class InvalidOptions(DomainError):
    """What was chosen beyond the images cannot be; the message says what and why."""

    code = "invalid_options"


class NoContract(DomainError):
    """Without a contract in force nothing has a price or a day."""

    code = "no_contract"


class QuoteExpired(DomainError):
    """A quote holds for some days alone."""

    code = "quote_expired"


class NoPassword(DomainError):
    """There is no password to be read: none was made yet, or it was erased."""

    code = "no_password"


class OutputDiffers(DomainError):
    """What was produced, read back, is not what is stored."""

    code = "output_differs"
