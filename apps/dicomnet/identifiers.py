"""Data sets of queries, commitments and reports, which unlike images are small: read whole, within bounds."""

from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID
from pynetdicom.dsutils import encode

from apps.dicomnet.association import Message
from apps.dicomnet.contexts import Context

LONGEST_QUERY = 256 * 1024  # several lists of as many UIDs as are searched for at once
LONGEST_COMMITMENT = 16 * 1024 * 1024
"""Of many small elements a message takes seconds and much memory to read, which its length does not show."""


class Unreadable(Exception):
    """The data set is none, or longer than it may be."""


def read_identifier(message: Message, longest: int = LONGEST_QUERY) -> Dataset:
    """The message's data set, read to its end. Raises Unreadable."""
    content, is_too_long = bytearray(), False
    for piece in message.data:
        is_too_long |= len(content) + len(piece) > longest
        if not is_too_long:
            content += piece
    if is_too_long:
        raise Unreadable(f"The identifier exceeds {longest} bytes")
    syntax = UID(message.context.transfer_syntax)
    try:
        ds = read_dataset(BytesIO(content), syntax.is_implicit_VR, syntax.is_little_endian)
        ds.decode()
        for _ in ds.iterall():
            pass
    except Exception as error:  # whatever a parser stumbles over in bytes from outside
        raise Unreadable("The identifier cannot be read") from error
    return ds


def encoded(ds: Dataset, context: Context) -> bytes:
    """The data set as the context has it."""
    syntax = UID(context.transfer_syntax)
    raw = encode(ds, syntax.is_implicit_VR, syntax.is_little_endian)
    assert raw is not None
    return raw
