"""Facts that refuse an act on an order."""

from django.utils.translation import gettext

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


class OtherOrder(DomainError):
    """The identifier that the caller chose is that of another order."""

    code = "other_order"


class QuoteExpired(DomainError):
    """A quote holds for some days alone."""

    code = "quote_expired"


class CalledOff(DomainError):
    """Nobody waits any more for what is being made."""

    code = "called_off"

    def __init__(self) -> None:
        super().__init__(gettext("It was called off"))


class NoPassword(DomainError):
    """There is no password to be read: none was made yet, or it was erased."""

    code = "no_password"


class OutputDiffers(DomainError):
    """What was produced, read back, is not what is stored."""

    code = "output_differs"


class NothingOffered(DomainError):
    """There is nothing to fetch: it is not dispatched, or its term has passed."""

    code = "nothing_offered"

    def __init__(self) -> None:
        super().__init__(gettext("There is nothing to fetch yet, or no more"))


class LinkNotOpened(DomainError):
    """Whatever the reason, it is told in the same words: who guesses learns nothing."""

    code = "link_not_opened"

    def __init__(self) -> None:
        super().__init__(
            gettext(
                "This does not open. Check the birth date and the code. If they are right, the link has ended or is"
                " locked: ask whoever gave it to you for another one."
            )
        )


class NoDownloadsLeft(DomainError):
    """The link was made for so many downloads, and they were had."""

    code = "no_downloads_left"

    def __init__(self) -> None:
        super().__init__(gettext("The files were fetched as often as this link allows. Ask whoever gave it to you."))


class NothingToShow(DomainError):
    """None of the images of an order of sheets can be shown."""

    code = "nothing_to_show"


class NotPrinted(DomainError):
    """A film order is dispatched when it was printed."""

    code = "not_printed"


class UnfitPrinter(DomainError):
    """The printer is switched off, or does not take such sheets."""

    code = "unfit_printer"


class SheetInDoubt(DomainError):
    """Whether a sheet came out is not known: somebody is to look."""

    code = "sheet_in_doubt"
