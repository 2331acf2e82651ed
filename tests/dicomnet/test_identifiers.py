"""Data sets of queries, from whoever calls."""

import struct

import pytest

from apps.dicomnet.association import Message
from apps.dicomnet.commands import Command
from apps.dicomnet.contexts import STUDY_ROOT_FIND, Context
from apps.dicomnet.identifiers import LONGEST_COMMITMENT, Unreadable, read_identifier

IMPLICIT = "1.2.840.10008.1.2"


def message_of(elements: int) -> Message:
    """Empty private elements, of eight bytes each, as they arrive."""
    tags = ((0x0011 + 2 * (number // 60_000), 0x1000 + number % 60_000) for number in range(elements))
    content = b"".join(struct.pack("<HHI", *tag, 0) for tag in tags)
    pieces = (memoryview(content)[start : start + 16_384] for start in range(0, len(content), 16_384))
    return Message(Context(1, STUDY_ROOT_FIND, IMPLICIT, peer_receives=False), Command({}), pieces)


def test_a_query_of_a_hundred_thousand_elements_is_not_read() -> None:
    message = message_of(100_000)
    with pytest.raises(Unreadable, match="exceeds"):
        read_identifier(message)
    assert list(message.data) == []  # it is passed over: the next message begins behind it


def test_what_names_many_images_to_be_kept_may_be_longer() -> None:
    assert len(read_identifier(message_of(40_000), LONGEST_COMMITMENT)) == 40_000
