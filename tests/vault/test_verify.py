"""A pack damaged anywhere is a mismatch, never another error: one such pack must not stop the reading of all others."""

import json
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from isal.isal_zlib import crc32

from apps.vault import zipformat
from apps.vault.errors import DigestMismatch
from apps.vault.places import DirectoryPlace
from apps.vault.verify import LONGEST_MANIFEST, verify_members

FILES = {"000001.dcm": b"one" * 20, "000002.dcm": b"two" * 30}
MANIFEST = {"files": [{"name": name, "sha256": sha256(content).hexdigest()} for name, content in FILES.items()]}


def packed(files: dict[str, bytes], manifest: bytes) -> bytes:
    content, entries = b"", []
    for name, data in {**files, "manifest.json": manifest}.items():
        header = zipformat.local_header(name, len(data), crc32(data))
        entries.append((name, len(content) + len(header), len(data), crc32(data)))
        content += header + data
    return content + zipformat.directory(entries, len(content))


class OneFile(DirectoryPlace):
    """A place whose only pack is what it is given; as a file system does, it refuses what is less than nothing."""

    content = b""

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        if offset < 0 or size < 0:
            raise OSError("Invalid argument")
        return self.content[offset : offset + size]


@pytest.fixture
def where(tmp_path: Path) -> OneFile:
    return OneFile(location=str(tmp_path))


def verified(where: OneFile, content: bytes) -> int:
    """How many files agree, 0 where it is a mismatch."""
    where.content = content
    try:
        return verify_members(where, "pack", len(content))
    except DigestMismatch:
        return 0


def test_a_whole_pack_agrees(where: OneFile) -> None:
    assert verified(where, packed(FILES, json.dumps(MANIFEST).encode())) == 2


def test_any_damage_is_a_mismatch_or_harmless(where: OneFile) -> None:
    good = packed(FILES, json.dumps(MANIFEST).encode())
    random = Random(7)
    for at in range(len(good)):
        assert verified(where, good[:at]) == 0
        for bit in range(8):
            damaged = bytearray(good)
            damaged[at] ^= 1 << bit
            verified(where, bytes(damaged))
    for _ in range(5000):
        damaged = bytearray(good)
        for _ in range(random.randint(1, 6)):
            damaged[random.randrange(len(good))] = random.randrange(256)
        verified(where, bytes(damaged))


def test_damage_within_a_file_is_always_a_mismatch(where: OneFile) -> None:
    good = packed(FILES, json.dumps(MANIFEST).encode())
    start = good.index(FILES["000001.dcm"])
    for at in range(start, start + len(FILES["000001.dcm"])):
        damaged = bytearray(good)
        damaged[at] ^= 1
        assert verified(where, bytes(damaged)) == 0


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"{}", b"null", b'{"files":3}', b'{"files":[3]}', b'{"files":[{"name":3}]}', b"[" * 10**5]
)
def test_a_manifest_that_is_none_is_a_mismatch(where: OneFile, manifest: bytes) -> None:
    assert verified(where, packed(FILES, manifest)) == 0


def test_a_manifest_without_end_is_not_read_whole(where: OneFile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LONGEST_MANIFEST >= 1 << 20
    monkeypatch.setattr("apps.vault.verify.LONGEST_MANIFEST", 50)
    assert verified(where, packed(FILES, json.dumps(MANIFEST).encode())) == 0
