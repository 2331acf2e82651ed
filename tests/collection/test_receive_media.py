"""Folders and single files that an operator brings."""

import os
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from apps.audit.models import Event
from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance, Study
from apps.collection.errors import NothingReceivable
from apps.collection.media import receive as receiving
from apps.collection.media.found import LONGEST_NAME, not_taken
from apps.collection.models import Collection, Method, Outcome, ReceivedFile, ReceptionRecord, State
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.errors import VaultUnavailable
from apps.vault.models import Pack, PackKind
from tests.catalog.test_header_reference_files import FILES, FOLDERS
from tests.collection.media import numbered, outcomes, receive


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images in two folders, and what else lies on media."""
    folder = tmp_path / "medium"
    (folder / "IMAGES").mkdir(parents=True)
    (folder / "A.DCM").write_bytes(numbered(1))
    (folder / "IMAGES" / "B").write_bytes(numbered(2))
    (folder / "IMAGES" / "C").write_bytes(numbered(3))
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "autorun.inf").write_bytes(b"[autorun]\r\n")
    return folder


def make_deep(folder: Path, *, levels: int) -> None:
    """Folders in folders until a path to the innermost is longer than the system takes."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 250, dir_fd=at)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)


def run(path: Path, *options: str, facility: str = "sakura") -> None:
    call_command(
        "receive_media", str(path), "--facility", facility, "--operator", "A. Operator", "--serial", "CD-1", *options
    )


def test_a_folder_becomes_one_collection_with_its_reception_record(sakura: Facility, folder: Path) -> None:
    received = receive(sakura, folder)
    assert outcomes(received) == {
        ".DS_Store": "not_dicom",
        "A.DCM": "stored",
        "IMAGES/B": "stored",
        "IMAGES/C": "stored",
        "autorun.inf": "not_dicom",
    }
    assert received.collection.state == State.STORED
    with as_facility(sakura):
        assert Study.objects.get().instance_count == 3
        record = ReceptionRecord.objects.get()
        assert (record.method, record.operator, record.medium_serial) == (Method.MEDIA, "A. Operator", "CD-1")
        instance = Instance.objects.select_related("pack").get(sop_instance_uid="1.2.3.4.5.2")
        with open_instance(instance) as file:
            assert file.read() == numbered(2)


def test_a_second_run_finds_everything_already_stored(sakura: Facility, folder: Path) -> None:
    receive(sakura, folder)
    again = receive(sakura, folder)
    assert again.reasons == {(Outcome.DUPLICATE, ""): 3, (Outcome.SKIPPED, "not_dicom"): 2}
    with as_facility(sakura):
        assert Instance.objects.count() == 3


def test_batches_are_visible_as_one_collection_that_is_receiving(
    sakura: Facility, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "FILES_IN_BATCH", 2)
    seen: list[tuple[str, int]] = []

    def look(_progress: receiving.Progress) -> None:
        with as_facility(sakura):
            collection = Collection.objects.get()
            seen.append((collection.state, collection.file_count))

    received = receive(sakura, folder, on_progress=look)
    assert set(seen) == {("open", 0), ("open", 2), ("open", 4)}
    assert received.collection.file_count == 5


def test_a_batch_ends_at_its_bytes_too(sakura: Facility, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "BYTES_IN_BATCH", 1)
    receive(sakura, folder)
    with as_facility(sakura):
        assert Pack.objects.count() == 3


def test_links_and_special_files_are_neither_followed_nor_opened(
    sakura: Facility, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "image").write_bytes(numbered(9))
    (folder / "link").symlink_to(outside / "image")
    (folder / "linked folder").symlink_to(outside)
    (folder / "circle").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    found = outcomes(receive(sakura, folder))
    assert {found[name] for name in ("link", "linked folder", "circle")} == {"symbolic_link"}
    assert {found[name] for name in ("pipe", "socket")} == {"special_file"}
    assert len(found) == 10


def test_a_link_given_by_the_operator_is_followed(sakura: Facility, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mounted").symlink_to(folder)
    assert receive(sakura, tmp_path / "mounted").collection.stored_count == 3


def test_what_vanishes_or_cannot_be_read_is_reported_and_the_rest_goes_on(sakura: Facility, folder: Path) -> None:
    def pull(progress: receiving.Progress) -> None:
        if progress.files == 3:  # the folder was listed and its first file read
            (folder / "IMAGES" / "C").unlink(missing_ok=True)

    make_deep(folder, levels=20)
    received = receive(sakura, folder, on_progress=pull)
    found = outcomes(received)
    assert (found["IMAGES/B"], found["IMAGES/C"]) == ("stored", "unreadable")
    assert received.reasons[Outcome.SKIPPED, "unreadable"] == 2
    with as_facility(sakura):
        reasons = set(ReceivedFile.objects.filter(reason_code="unreadable").values_list("reason", flat=True))
    assert reasons == {
        "It could not be read: No such file or directory.",
        "It could not be read: File name too long.",
    }


def test_one_file_can_be_given(sakura: Facility, folder: Path) -> None:
    assert outcomes(receive(sakura, folder / "A.DCM")) == {"A.DCM": "stored"}


@pytest.mark.parametrize("what", ["nothing", "an empty folder", "a device"])
def test_where_there_is_no_file_nothing_is_left(sakura: Facility, tmp_path: Path, what: str) -> None:
    path = {"nothing": tmp_path / "none", "an empty folder": tmp_path, "a device": Path("/dev/null")}[what]
    with pytest.raises(NothingReceivable):
        receive(sakura, path)
    with as_center():
        assert not Collection.objects.exists()


def test_a_medium_without_a_dicom_image_is_a_failed_collection(sakura: Facility, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").touch()
    received = receive(sakura, tmp_path)
    assert outcomes(received) == {"notes.txt": "not_dicom", "empty": "empty"}
    assert received.collection.state == State.FAILED
    with as_center():
        assert list(Event.objects.order_by("id").values_list("action", flat=True)) == [
            "collection.opened",
            "collection.failed",
        ]


def test_a_vault_that_fills_up_leaves_a_partial_collection_that_a_second_run_completes(
    sakura: Facility, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "FILES_IN_BATCH", 2)

    def fill_up(progress: receiving.Progress) -> None:
        if progress.files == 3:
            raise VaultUnavailable("The spool could not be written: No space left on device")

    with pytest.raises(VaultUnavailable):
        receive(sakura, folder, on_progress=fill_up)
    with as_facility(sakura):
        collection = Collection.objects.get()
        assert (collection.state, collection.stored_count) == (State.PARTIAL, 1)
        assert Instance.objects.count() == 1
    again = receive(sakura, folder)
    assert (again.collection.state, again.collection.stored_count, again.collection.duplicate_count) == ("stored", 2, 1)


def test_names_are_labels_that_can_be_stored(sakura: Facility, tmp_path: Path) -> None:
    (tmp_path / "a\nb\x1b[31m").write_bytes(numbered(1))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\x93\xfa\x96{")).write_bytes(numbered(2))
    assert set(outcomes(receive(sakura, tmp_path)).values()) == {"stored"}
    assert not_taken(("a\nb\x1b\udc93\u202e\u3000日本",), "", "").name == "a�b���\u3000日本"
    assert len(not_taken(("x",) * 4000, "", "").name) == LONGEST_NAME


def test_every_reference_file_has_an_outcome_and_is_there_once(sakura: Facility) -> None:
    first: Counter[Any] = Counter()
    for folder in FOLDERS:
        received = receive(sakura, folder)
        outcomes(received)
        first += received.reasons
    assert sum(first.values()) >= len(FILES)
    assert {outcome for outcome, _ in first} == set(Outcome)
    with as_facility(sakura):
        packs = Pack.objects.count()
    for folder in FOLDERS:
        again = receive(sakura, folder)
        assert {outcome for outcome, _ in again.reasons} <= {Outcome.DUPLICATE, Outcome.SKIPPED}
    with as_facility(sakura):
        assert Pack.objects.count() == packs
        digests = [bytes(each) for each in Instance.objects.values_list("sha256", flat=True)]
        digests += [
            bytes(each)
            for each in ReceivedFile.objects.filter(outcome=Outcome.QUARANTINED).values_list("sha256", flat=True)
        ]
        assert len(digests) == len(set(digests))


def test_quarantined_bytes_are_kept_once_for_each_facility(
    sakura: Facility, lindenhof: Facility, tmp_path: Path
) -> None:
    (tmp_path / "1").write_bytes(numbered(1)[:-3])
    (tmp_path / "2").write_bytes(numbered(1)[:-3])
    assert receive(sakura, tmp_path).reasons == {
        (Outcome.QUARANTINED, "truncated"): 1,
        (Outcome.DUPLICATE, "truncated"): 1,
    }
    assert receive(sakura, tmp_path).reasons == {(Outcome.DUPLICATE, "truncated"): 2}
    assert receive(lindenhof, tmp_path).collection.quarantined_count == 1
    with as_center():
        assert Pack.objects.filter(kind=PackKind.QUARANTINE, facility=sakura).count() == 1
        places = set(ReceivedFile.objects.filter(facility=sakura).values_list("pack_id", "pack_offset"))
        assert len(places) == 1


def test_the_command_prints_counts_and_no_names(
    sakura: Facility, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "A.DCM").rename(folder / "YAMADA_TARO.DCM")
    run(folder)
    printed = capsys.readouterr().out
    assert "YAMADA" not in printed
    assert "not dicom" in printed
    assert "stored in both places" in printed
    assert "\x1b" not in printed


def test_the_command_tells_how_far_it_is_in_plain_lines(
    sakura: Facility, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(receiving.FILES_IN_BATCH + 1):
        (tmp_path / str(number)).write_bytes(numbered(number))
    run(tmp_path)
    printed = capsys.readouterr().out.splitlines()
    assert len([line for line in printed if line.startswith("500 files, ")]) == 1
    run(tmp_path, "--verbosity", "0")
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "sentence", "status"),
    [
        (VaultUnavailable("The spool could not be written: No space left on device"), "No space left on device", 1),
        (KeyboardInterrupt(), "Interrupted", 130),
    ],
)
def test_the_command_that_ends_early_says_how_to_go_on(
    sakura: Facility, folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, sentence: str, status: int
) -> None:
    def end(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(receiving, "store_batch", end)
    with pytest.raises(CommandError, match=f"{sentence}.*run this again") as refusal:
        run(folder)
    assert refusal.value.returncode == status
    with as_center():
        assert Collection.objects.get().state == State.FAILED


def test_the_command_tells_of_files_in_quarantine_by_its_exit_status(sakura: Facility, folder: Path) -> None:
    (folder / "cut").write_bytes(numbered(4)[:-3])
    with pytest.raises(SystemExit) as end:
        run(folder)
    assert end.value.code == 3


def test_the_command_warns_when_the_replica_cannot_be_written(
    sakura: Facility, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = django_settings.HOME / "vault" / "replica"
    replica.parent.mkdir(parents=True, exist_ok=True)
    aside = replica.with_name("aside")
    if replica.exists():
        replica.rename(aside)
    replica.write_text("in the way")
    try:
        run(folder)
    finally:
        replica.unlink()
        if aside.exists():
            aside.rename(replica)
    assert "Warning: stored in one place" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "facility", "sentence"),
    [
        ((), "none", "There is no facility 'none'"),
        (("--operator", " "), "sakura", "--operator takes 1 to 150 characters"),
        (("--serial", "x" * 101), "sakura", "--serial takes 1 to 100 characters"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    sakura: Facility, folder: Path, options: tuple[str, ...], facility: str, sentence: str
) -> None:
    with pytest.raises(CommandError) as refusal:
        run(folder, *options, facility=facility)
    assert str(refusal.value) == sentence


def test_the_command_fails_where_nothing_could_be_received(sakura: Facility, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="holds no file"):
        run(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(CommandError, match="no file could be read as a DICOM image"):
        run(tmp_path)
