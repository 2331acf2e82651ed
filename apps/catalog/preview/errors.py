"""What stands in the way of a picture."""

from apps.core.errors import DomainError


class NotRenderable(DomainError):
    """The object, or what was asked of it, gives no picture. `code` is one of:

    unreadable, no_pixel_data, deflated, too_large, unsupported_transfer_syntax, unsupported_photometric_interpretation,
    undecodable; of the request: no_such_frame, invalid_window, invalid_size.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
