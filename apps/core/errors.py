"""The base of every error that a door may show to its caller."""


class DomainError(Exception):
    """A fact that refuses an act.

    `code` is stable and for programs; `message` is a sentence for people and holds no patient data.
    """

    code = "refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
