"""ZIP archives and DICOMDIRs, well-formed and hostile."""

import shutil
import struct
import subprocess
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import pydicom
import pytest
from pydicom.data import get_testdata_file

from apps.collection.errors import NothingReceivable
from apps.collection.media import dicomdir as dicomdir_module
from apps.collection.media import zipfiles
from apps.collection.media.dicomdir import compared
from apps.collection.media.found import Found, NotTaken
from apps.collection.media.zipfiles import Archive
from apps.collection.models import Collection, State
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.errors import VaultUnavailable
from apps.vault.spool import RESERVE
from tests.catalog.dicom_bytes import element, part10
from tests.catalog.test_header_reference_files import FILES
from tests.collection.media import numbered, outcomes, receive

DIRECTORY = "1.2.840.10008.1.3.10"
MIB = 1 << 20


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "medium.zip"


def dicomdir(*file_ids: str) -> bytes:
    def padded(text: str) -> bytes:
        return (text + " " * (len(text) % 2)).encode()

    records = b"".join(
        element(0xFFFEE000, "", record, "1.2.840.10008.1.2")
        for record in (element(0x00041500, "CS", padded(file_id)) for file_id in file_ids)
    )
    return part10(element(0x00041130, "CS", b"DISC") + element(0x00041220, "SQ", records), sop_class=DIRECTORY)


def listed(content: bytes) -> dict[str, str]:
    """What comparing this DICOMDIR with an empty medium gives, by name."""
    codes = {}
    index = Found(("DICOMDIR",), lambda: [content])
    for found in list(compared([index], lambda _: False))[1:]:
        with pytest.raises(NotTaken) as fact:
            list(found.read())
        codes[found.name] = fact.value.code
    return codes


def test_an_archive_is_received_like_its_folder(sakura: Facility, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.mkdir("IMAGES")
        made.writestr("IMAGES/1", numbered(1))
        made.writestr("IMAGES/2", numbered(2), zipfile.ZIP_STORED)
        made.writestr("画像/3", numbered(3))
        made.writestr("notes.txt", "hello")
    received = receive(sakura, archive)
    assert outcomes(received) == {
        "IMAGES/1": "stored",
        "IMAGES/2": "stored",
        "画像/3": "stored",
        "notes.txt": "not_dicom",
    }
    assert received.collection.state == State.STORED


@pytest.mark.parametrize("form", ["plain", "zip64", "prefixed", "commented", "streamed"])
def test_every_form_of_archive_reads_as_zipfile_reads_it(archive: Path, form: str) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for number, path in enumerate(FILES[:40]):
            with made.open(f"{number}", "w", force_zip64=form == "zip64") as entry:
                entry.write(path.read_bytes())
        made.comment = b"a comment" * 100 if form == "commented" else b""
    if form == "prefixed":
        archive.write_bytes(b"#!/bin/sh\n" * 100 + archive.read_bytes())
    if form == "streamed":  # without sizes in the local headers
        folder = archive.parent
        (folder / "image").write_bytes(numbered(1))
        with archive.open("wb") as piped, zipfile.ZipFile(cast(BinaryIO, Unseekable(piped)), "w") as made:
            made.write(folder / "image", "image")
    with Archive(archive) as opened, zipfile.ZipFile(archive) as reference:
        read = {found.name: b"".join(found.read()) for found in opened.entries()}
        assert read == {name: reference.read(name) for name in reference.namelist()}


class Unseekable:
    """A file that can only be written on, such as a pipe."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, content: bytes, /) -> int:
        return self._file.write(content)

    def flush(self) -> None:
        self._file.flush()


def test_an_archive_of_70000_entries_is_read_through(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w") as made:  # ZIP64, for the number of entries
        for number in range(70_000):
            made.writestr(f"{number:06d}", b"x")
    with Archive(archive) as opened:
        assert [found.name for found in opened.entries()] == [f"{number:06d}" for number in range(70_000)]


def test_too_many_entries_are_refused(sakura: Facility, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(archive, "w") as made:
        for number in range(4):
            made.writestr(str(number), b"x")
    monkeypatch.setattr(zipfiles, "ENTRIES", 3)
    with pytest.raises(NothingReceivable, match="more than 3 entries"):
        receive(sakura, archive)


def test_hostile_names_links_and_nested_archives_do_no_harm(sakura: Facility, archive: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    device = zipfile.ZipInfo("device")
    device.create_system, device.external_attr = 3, 0o020666 << 16
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("../../x", numbered(1))
        made.writestr("/etc/passwd", numbered(2))
        made.writestr("C:\\x\n\x1b[2J", numbered(3))
        made.writestr(link, "/etc/passwd")
        made.writestr(device, "")
        made.writestr("nested.zip", archive.read_bytes())
    assert outcomes(receive(sakura, archive)) == {
        "../../x": "stored",
        "/etc/passwd": "stored",
        "C:\\x��[2J": "stored",
        "link": "symbolic_link",
        "device": "special_file",
        "nested.zip": "not_dicom",
    }
    assert not (archive.parent.parent / "x").exists()


def test_a_bomb_is_refused_by_its_ratio_and_the_rest_is_stored(sakura: Facility, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        with made.open("bomb", "w") as entry:
            for _ in range(256):
                entry.write(bytes(MIB))
        made.writestr("image", numbered(1))
    assert outcomes(receive(sakura, archive)) == {"bomb": "expands_too_far", "image": "stored"}


def test_an_entry_that_is_longer_than_it_says_is_damaged(sakura: Facility, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("liar", bytes(8 * MIB))
        made.writestr("image", numbered(1))
    content = archive.read_bytes().replace(struct.pack("<L", 8 * MIB), struct.pack("<L", 1000))
    archive.write_bytes(content)
    assert outcomes(receive(sakura, archive)) == {"liar": "damaged_entry", "image": "stored"}


def test_overlapping_entries_are_refused(sakura: Facility, archive: Path) -> None:
    """One compressed body that many entries name, as in zbsm.zip."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    plain = bytes(10 * MIB)
    body = packer.compress(plain) + packer.flush()
    sizes = struct.pack("<3L", zlib.crc32(plain), len(body), len(plain))
    local = b"PK\3\4" + struct.pack("<5H", 20, 0, 8, 0, 0) + sizes + struct.pack("<2H", 1, 0) + b"x"
    record = (
        b"PK\1\2" + struct.pack("<6H", 20, 20, 0, 8, 0, 0) + sizes + struct.pack("<5H2L", 1, 0, 0, 0, 0, 0, 0) + b"x"
    )
    start = len(local) + len(body)
    end = b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 1000, 1000, 1000 * len(record), start, 0)
    archive.write_bytes(local + body + record * 1000 + end)
    received = receive(sakura, archive)
    assert received.collection.state == State.FAILED
    codes = {code: count for (_, code), count in received.reasons.items()}
    assert codes["overlapping"] > 990
    assert codes["not_dicom"] < 10


def test_what_cannot_be_read_of_an_archive_is_said_for_each_entry(sakura: Facility, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("damaged", numbered(1))
        made.writestr("bzip2", numbered(2), zipfile.ZIP_BZIP2)
        made.writestr("lzma", numbered(3), zipfile.ZIP_LZMA)
        made.writestr("cut stream", numbered(4), zipfile.ZIP_DEFLATED)
        made.writestr("encrypted", numbered(5))
        made.writestr("image", numbered(6))
        infos = {info.filename: info for info in made.infolist()}
    content = bytearray(archive.read_bytes())
    content[infos["damaged"].header_offset + 200] ^= 0xFF
    body = infos["cut stream"].header_offset + 40
    content[body : body + 20] = b"\xff" * 20
    record = content.rfind(b"encrypted") - 46
    content[record + 8] |= 1
    archive.write_bytes(content)
    assert outcomes(receive(sakura, archive)) == {
        "damaged": "damaged_entry",
        "bzip2": "unsupported_compression",
        "lzma": "unsupported_compression",
        "cut stream": "damaged_entry",
        "encrypted": "encrypted",
        "image": "stored",
    }


def test_a_mutated_archive_ends_in_outcomes_or_in_a_refusal(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("1", numbered(1))
        made.writestr("2", numbered(2), zipfile.ZIP_STORED)
    whole = archive.read_bytes()
    for at in range(len(whole)):
        for mutated in (whole[:at], whole[:at] + b"\xff" * 4 + whole[at + 4 :]):
            archive.write_bytes(mutated)
            with suppress(NothingReceivable, VaultUnavailable), Archive(archive) as opened:
                for entry in opened.entries():
                    with suppress(NotTaken):
                        assert b"".join(entry.read()) in (numbered(1), numbered(2))


def test_a_damaged_archive_leaves_nothing(sakura: Facility, archive: Path) -> None:
    archive.write_bytes(b"PK\3\4" + bytes(1000))
    with pytest.raises(NothingReceivable, match="damaged"):
        receive(sakura, archive)
    with as_center():
        assert not Collection.objects.exists()


def test_an_entry_for_which_the_spool_has_no_room_ends_receiving(
    sakura: Facility, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("image", numbered(1))
    usage = shutil.disk_usage(archive.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=RESERVE + 100))
    with pytest.raises(VaultUnavailable, match="no room"):
        receive(sakura, archive)
    with as_center():
        assert Collection.objects.get().state == State.FAILED


@pytest.mark.parametrize("kind", ["folder", "dicomdir", "zip"])
def test_a_dicomdir_is_compared_with_what_is_there(sakura: Facility, tmp_path: Path, kind: str) -> None:
    medium = tmp_path / "medium"
    (medium / "disc1" / "images").mkdir(parents=True)
    (medium / "disc1" / "images" / "im1;1").write_bytes(numbered(1))
    (medium / "disc1" / "unlisted").write_bytes(numbered(2))
    (medium / "outside").write_bytes(numbered(3))
    listed = dicomdir("IMAGES\\IM1", "IMAGES\\IM2", "..\\OUTSIDE", "\\ETC\\PASSWD", "C:\\X", "IMAGES/IM3")
    (medium / "disc1" / "DICOMDIR").write_bytes(listed)
    path = medium / "disc1" / "DICOMDIR" if kind == "dicomdir" else medium
    if kind == "zip":
        path = Path(shutil.make_archive(str(tmp_path / "medium"), "zip", medium))
    found = outcomes(receive(sakura, path))
    prefix = "" if kind == "dicomdir" else "disc1/"
    assert {name.removeprefix(prefix): outcome for name, outcome in found.items() if name != "outside"} == {
        "DICOMDIR": "dicomdir",
        "images/im1;1": "stored",
        "unlisted": "stored",
        "IMAGES/IM2": "missing_on_medium",
        "../OUTSIDE": "outside_medium",
        "/ETC/PASSWD": "outside_medium",
        "C:/X": "outside_medium",
        "IMAGES/IM3": "outside_medium",
    }
    assert found.get("outside") == (None if kind == "dicomdir" else "stored")


def test_a_dicomdir_of_another_name_gives_its_folder(sakura: Facility, tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(dicomdir("IM1"))
    (tmp_path / "IM1").write_bytes(numbered(1))
    assert outcomes(receive(sakura, tmp_path / "index")) == {"IM1": "stored", "index": "dicomdir"}


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-nopatient", "DICOMDIR-nooffset", "DICOMDIR-reordered"])
def test_what_a_dicomdir_lists_is_what_pydicom_finds(name: str) -> None:
    path = Path(str(get_testdata_file(name)))
    records = pydicom.dcmread(path).DirectoryRecordSequence
    values = [record.ReferencedFileID for record in records if "ReferencedFileID" in record]
    expected = ["/".join([value] if isinstance(value, str) else value) for value in values]
    assert len(expected) > 1
    assert listed(path.read_bytes()) == dict.fromkeys(expected, "missing_on_medium")


@pytest.mark.parametrize(
    "content",
    [
        part10(element(0x00041500, "UN", b"", length=0xFFFFFFF0)),
        dicomdir("IM1")[:-3],
        b"no DICOM at all",
    ],
)
def test_a_hostile_dicomdir_is_not_compared(content: bytes) -> None:
    assert listed(content) == {"DICOMDIR": "dicomdir_unreadable"}


def test_a_dicomdir_that_lists_endlessly_is_compared_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomdir_module, "LISTED", 2)
    assert listed(dicomdir("A1", "A2", "A3", "A4")) == {
        "A1": "missing_on_medium",
        "A2": "missing_on_medium",
        "DICOMDIR": "dicomdir_unreadable",
    }


def test_missing_names_are_told_once_and_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicomdir_module, "TOLD", 3)
    indexes = [Found(("DICOMDIR",), lambda: [dicomdir("A1", "A2", "A1", "A3", "A4", "A5")])] * 2
    told = [found.name for found in compared(indexes, lambda _: False)]
    assert told == ["DICOMDIR", "A1", "A2", "A3", "DICOMDIR", "DICOMDIR"]


def test_sequences_nested_endlessly_are_walked_in_one_go() -> None:
    opening = element(0x00041220, "SQ", b"", length=0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    content = part10(opening * 100_000 + element(0x00041500, "CS", b"IM"))
    assert listed(content) == {"IM": "missing_on_medium"}


def test_a_hostile_dicomdir_does_not_keep_the_images_out(sakura: Facility, tmp_path: Path) -> None:
    (tmp_path / "DICOMDIR").write_bytes(dicomdir("IM1")[:-3])
    (tmp_path / "IM1").write_bytes(numbered(1))
    received = receive(sakura, tmp_path)
    assert {code for _, code in received.reasons} == {"dicomdir", "dicomdir_unreadable", ""}
    assert received.collection.stored_count == 1


@pytest.mark.skipif(not shutil.which("zip"), reason="Info-ZIP is not installed")
def test_an_archive_of_info_zip_is_read(sakura: Facility, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(numbered(1))
    subprocess.run(["zip", "-q", "medium.zip", "image"], cwd=tmp_path, check=True)
    assert outcomes(receive(sakura, tmp_path / "medium.zip")) == {"image": "stored"}
