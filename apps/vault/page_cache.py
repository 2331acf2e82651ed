"""What the operating system is told about pages of a file that will not be read again soon."""

import os


def let_go(descriptor: int, offset: int, length: int) -> None:
    """Drop a range's clean pages and start to write its dirty ones; `length` 0 is to the end of the file.

    Packs are written once and seldom read: they must not push what is read often out of memory. And what is being
    written already need not be waited for when the file is synced.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
