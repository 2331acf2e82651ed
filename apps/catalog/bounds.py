"""What reading a DICOM header may cost, and what a file that cannot be read is called."""

from dataclasses import dataclass

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one file. A file beyond one of them is unreadable, however valid it is.

    Memory: reading takes less than 1 MiB at these defaults, whatever the file holds and declares: a window of 16 KiB,
    `value_bytes` for each attribute of Header, and 256 KiB to inflate. It grows with `value_bytes` alone.
    Time: it grows with `header_bytes`, `inflated_bytes` and `fragments`; each costs a few seconds at its bound.
    """

    header_bytes: int = 32 * MIB  # read from the source, fragments of pixel data not counted
    inflated_bytes: int = 256 * MIB  # a deflated data set, pixel data included
    depth: int = 64  # nested sequences of undefined length
    fragments: int = 1_000_000  # items of encapsulated pixel data
    value_bytes: int = 8 * KIB  # of one value; the rest is not read


DEFAULT_LIMITS = Limits()


class Unreadable(Exception):
    """The file gives no header.

    code: a stable word for programs, such as "truncated". message: a sentence for staff that names tag and byte
    offset and holds no value of the file. is_dicom: False for a file that is something else (skip it), True for a
    DICOM file that is broken (quarantine it).
    """

    def __init__(self, code: str, message: str, *, is_dicom: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.is_dicom = is_dicom


def tag_name(tag: int) -> str:
    """The tag as DICOM prints it: (gggg,eeee)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
