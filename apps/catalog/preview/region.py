"""The file as the decoders may read it: within its length and within a budget."""

import os
from typing import BinaryIO

from django.utils.translation import gettext as _

from apps.catalog.preview.errors import NotRenderable


class Region:
    """A readable, seekable view of a whole file for apps.catalog.sources and for pydicom.

    `budget` is what may still be read, in bytes: a length that the file declares cannot make anyone read or allocate
    more. Raises NotRenderable("too_large"). `failure` is what reading the file itself raised.
    """

    def __init__(self, file: BinaryIO, budget: int) -> None:
        self._file = file
        self.budget = budget
        self.length = file.seek(0, os.SEEK_END)
        self.failure: Exception | None = None
        self._at = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """See apps.catalog.sources.ByteSource."""
        self.seek(offset)
        return self.read(size)

    def read(self, size: int = -1) -> bytes:
        """`size` bytes, or all; fewer at the end."""
        left = max(0, self.length - self._at)
        size = left if size < 0 else min(size, left)
        self.budget -= size
        if self.budget < 0:
            raise NotRenderable("too_large", _("The object declares more bytes than an image of its size takes."))
        try:
            self._file.seek(self._at)
            content = self._file.read(size)
        except Exception as failure:
            self.failure = failure
            raise
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As io.IOBase.seek."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.length}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """As io.IOBase.tell."""
        return self._at
