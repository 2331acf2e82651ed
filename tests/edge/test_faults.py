"""What goes wrong between a terminal, a collector and the center: cuts, lies, thieves, clocks, full disks."""

import errno
import http.server
import json
import os
import resource
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pydicom
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey
from medvault_edge import source
from medvault_edge.collecting import Visit, collect
from medvault_edge.errors import NoRoom, NotVerified
from medvault_edge.handing_over import hand_over, keep
from medvault_edge.pruning import Choice, candidates, prune
from medvault_edge.receipts import TYP, verify
from medvault_edge.signing import ALGORITHM
from medvault_edge.state import Device, State
from medvault_edge.state import Facility as Served
from medvault_edge.watching import Watch
from pyrage import x25519

from apps.audit.record import SYSTEM
from apps.collection.enrolment import CODE_LIFETIME, issue_code, revoke_collector
from apps.collection.models import Collection, Collector, CollectorFacility, Terminal
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from tests.edge.conftest import Edge, at_the_center, example
from tests.edge.test_story import VISIT, stored_bytes

pytestmark = pytest.mark.usefixtures("committed_db")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@contextmanager
def cutting_proxy(port: int, cuts: list[int]) -> Iterator[int]:
    """A wire to the center that breaks after so many bytes, a connection for each cut; afterwards it holds."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if limit is not None:
                    data = data[:limit]
                    limit -= len(data)
                target.sendall(data)
                if limit == 0:
                    break
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                center = socket.create_connection(("127.0.0.1", port))
                limit = cuts.pop(0) if cuts else None
                threading.Thread(target=pump, args=(client, center, limit), daemon=True).start()
                threading.Thread(target=pump, args=(center, client, None), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def test_an_upload_cut_at_every_tenth_arrives_whole(
    collector: Edge, images: Path, address: str, sakura: Facility
) -> None:
    for number in range(40):
        (images / f"{number}.bin.dcm").write_bytes(example("CT_small.dcm").read_bytes() + bytes([number]) * 2)
    collector.run("collect", images, *VISIT)
    [sealed] = (collector.home / "sealed").iterdir()
    cuts = [sealed.stat().st_size // 10 + 700] * 12
    with cutting_proxy(int(address.rpartition(":")[2]), cuts) as port:
        state = State(collector.home)
        device = state.device()
        through = replace(device, center_url=f"http://127.0.0.1:{port}")
        state.enrol(through, state.facilities())
        [handed] = hand_over(state, progress=lambda _sealed, _offset: None)
        assert (handed.state, handed.problem) == ("uploaded", "")
        assert len(cuts) < 4, "it was not cut"
    at_the_center()
    with as_facility(sakura):
        assert Collection.objects.get().state == "stored"


def test_two_hands_at_once_hand_a_collection_over_once(collector: Edge, images: Path, sakura: Facility) -> None:
    collector.run("collect", images, *VISIT)
    both = [collector.start("handover"), collector.start("handover")]
    for each in both:
        each.communicate(timeout=60)
    collector.run("handover")
    at_the_center()
    assert [each["state"] for each in collector.run("handover")] in ([], ["stored"])
    with as_facility(sakura):
        assert Collection.objects.get().stored_count == 4


def test_two_collectors_bring_the_same_images_kept_once(
    collector: Edge, enrolled: Callable[..., Edge], images: Path, sakura: Facility
) -> None:
    with as_center():
        bag = Collector.objects.create(name="Bag 2")
        CollectorFacility.objects.create(facility=sakura, collector=bag)
    other = enrolled(bag, "other")
    collector.run("collect", images, *VISIT)
    other.run("collect", images, *VISIT)
    both = [collector.start("handover"), other.start("handover")]
    for each in both:
        assert each.wait(60) == 0
    at_the_center()
    assert collector.run("handover")[0]["state"] == other.run("handover")[0]["state"] == "stored"
    assert len(stored_bytes(sakura)) == 4
    with as_facility(sakura):
        assert sorted(Collection.objects.values_list("stored_count", "duplicate_count")) == [(0, 4), (4, 0)]


def test_a_set_that_changes_after_the_visit_is_handed_over_as_it_was_and_not_pruned(
    collector: Edge, terminal: Terminal, enrolled: Callable[..., Edge], images: Path, sakura: Facility
) -> None:
    collector.run("collect", images, *VISIT)
    changed = images / "0" / "CT_small.dcm"
    changed.write_bytes(changed.read_bytes()[:-2] + b"\1\1")
    collector.run("handover")
    at_the_center()
    collector.run("handover")
    assert example("CT_small.dcm").read_bytes() in stored_bytes(sakura)
    room = enrolled(terminal, "terminal")
    room.run("receipts")
    assert room.run("prune", images, "--yes")["files"] == 3
    assert changed.exists()


def test_a_set_that_changes_while_it_is_collected_stays_and_is_reported(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = made_up(tmp_path)
    changed = images / "1" / "MR_small.dcm"
    read = source.Image.pieces

    def touched(image: source.Image) -> Iterator[bytes]:
        if image.path == changed.resolve():
            changed.write_bytes(b"other")
        yield from read(image)

    monkeypatch.setattr(source.Image, "pieces", touched)
    collected = collect(images, Visit(), state, now=NOW, progress=lambda _size: None)
    assert collected.files == 3
    assert [(each.source, each.reason) for each in collected.left] == [("1/MR_small.dcm", "changed")]


def made_up(tmp_path: Path, recipient: str = "") -> State:
    """A device that was enrolled somewhere."""
    key = OKPKey.generate_key("Ed25519")
    state = State(tmp_path / "home")
    state.enrol(
        Device("collector", str(uuid4()), "Bag", "http://127.0.0.1:9", "MedVault",
               recipient or str(x25519.Identity.generate().to_public()),
               {"keys": [key.as_dict(private=False) | {"kid": key.thumbprint()}]}, key.as_dict(private=True), ""),
        [Served("sakura", "Sakura", "mv_x", [], "")],
    )  # fmt: skip
    return state


def test_sealed_to_another_key_is_refused_with_the_reason_and_collected_again(
    collector: Edge, images: Path, sakura: Facility
) -> None:
    state = State(collector.home)
    device = state.device()
    wrong = replace(device, recipient=str(x25519.Identity.generate().to_public()))
    state.enrol(wrong, state.facilities())
    collector.run("collect", images, *VISIT)
    collector.run("handover")
    at_the_center()
    [told] = collector.run("handover", code=1)
    assert told["state"] == "failed"
    assert "key" in told["problem"]
    state.enrol(device, state.facilities())
    assert collector.run("collect", images, *VISIT)["files"] == 4


@pytest.mark.parametrize("kind", ["unknown", "used", "expired"])
def test_a_code_that_is_none_enrols_nobody(address: str, tmp_path: Path, sakura: Facility, kind: str) -> None:
    with as_center():
        device = Terminal.objects.create(facility=sakura, name="Room")
    now = database_now() - (CODE_LIFETIME * 2 if kind == "expired" else timedelta())
    code = issue_code(device, actor=SYSTEM, now=now) if kind != "unknown" else "AAAA-BBBB-CCCC-DDDD"
    if kind == "used":
        Edge(tmp_path / "first").run("init", address, code)
    assert "code" in Edge(tmp_path / "second").run("init", address, code, code=3)


def test_a_revoked_collector_hands_over_nothing_and_reads_nothing(collector: Edge, images: Path) -> None:
    collector.run("collect", images, *VISIT)
    with as_center():
        bag = Collector.objects.get()
    revoke_collector(bag, actor=SYSTEM, now=database_now())
    [told] = collector.run("handover", code=1)
    assert told["state"] == "sealed"
    assert told["problem"]
    collector.run("receipts", code=3)
    assert len(list((collector.home / "sealed").iterdir())) == 1


def test_a_token_of_another_facility_opens_nothing(
    collector: Edge, images: Path, sakura: Facility, lindenhof: Facility
) -> None:
    state = State(collector.home)
    tokens = {each.slug: each.token for each in state.facilities()}
    swapped = [
        Served(each.slug, each.name, tokens["lindenhof" if each.slug == "sakura" else "sakura"], each.terminals, "")
        for each in state.facilities()
    ]
    state.enrol(state.device(), swapped)
    collector.run("collect", images, *VISIT)
    [told] = collector.run("handover", code=1)
    assert told["state"] == "sealed"
    with as_center():
        assert not Collection.objects.exists()


@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_ten_years_off_spoils_nothing(
    terminal: Terminal, enrolled: Callable[..., Edge], images: Path, sakura: Facility, years: int
) -> None:
    room = enrolled(terminal)
    state = State(room.home)
    wrong = datetime.now(UTC).replace(day=1) + timedelta(days=365 * years)
    collect(images, Visit(method="push"), state, now=wrong, progress=lambda _size: None)
    hand_over(state, progress=lambda _sealed, _offset: None)
    at_the_center()
    [handed] = hand_over(state, progress=lambda _sealed, _offset: None)
    assert handed.state == "stored"
    with as_facility(sakura):
        assert abs(Collection.objects.get().opened_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert room.run("prune", images)["files"] == 4


def test_a_clock_that_was_set_back_hides_no_files_and_stops_no_transfers(
    terminal: Terminal, enrolled: Callable[..., Edge], images: Path
) -> None:
    with as_center():
        terminal.push_every_hours = 24
        terminal.save()
    state, said = State(enrolled(terminal).home), list[str]()
    right = datetime.now(UTC)
    wrong = right + timedelta(days=3650)
    watching = Watch([images], state, said.append)
    watching.once(now=wrong)
    assert sum(each.files for each in state.collections()) == 4
    late = images / "late.dcm"
    late.write_bytes(example("waveform_ecg.dcm").read_bytes())
    os.utime(late, (wrong.timestamp(), wrong.timestamp()))
    watching.once(now=right)
    watching.once(now=right + timedelta(days=2))
    assert sum(each.files for each in state.collections()) == 5, said


def test_what_cannot_be_read_is_told_and_holds_up_nothing(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = made_up(tmp_path)
    scratched, moved = (images / "1" / "MR_small.dcm").resolve(), (images / "2" / "JPEG2000.dcm").resolve()
    read, walk = source.digest_of, os.walk

    def reading(path: Path) -> str:
        if path == moved:
            path.unlink()
        if path == scratched:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return read(path)

    def walking(folder: Path, *, onerror: Callable[[OSError], None], **options: bool) -> Iterator[Any]:
        onerror(OSError(errno.EIO, "Input/output error", str(Path(folder) / "folder")))
        return walk(folder, onerror=onerror, **options)

    monkeypatch.setattr(source, "digest_of", reading)
    monkeypatch.setattr(os, "walk", walking)
    collected = collect(images, Visit(), state, now=NOW, progress=lambda _size: None)
    assert collected.files == 2
    assert {(each.source, each.reason) for each in collected.left} == {
        ("1/MR_small.dcm", "unreadable"), ("folder", "unreadable"),
    }  # fmt: skip


def test_a_disk_that_fails_ends_no_terminals_watch(
    terminal: Terminal, enrolled: Callable[..., Edge], images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = list[str]()
    watching = Watch([images], State(enrolled(terminal).home), said.append)

    def fails(_folder: Path) -> Any:
        raise OSError(errno.EIO, "Input/output error", "/srv/images/Yamada")

    with monkeypatch.context() as broken:
        broken.setattr(shutil, "disk_usage", fails)
        watching.once(now=datetime.now(UTC))
    assert said == ["Input/output error"]
    watching.once(now=datetime.now(UTC))
    assert said[-1].startswith("Reported")


def test_a_full_disk_leaves_nothing_half_done_on_the_collector(tmp_path: Path, images: Path) -> None:
    state = made_up(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        with pytest.raises(NoRoom):
            collect(images, Visit(), state, now=NOW, progress=lambda _size: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(state.sealed_folder.iterdir()) == []
    assert state.collections() == []
    assert collect(images, Visit(), state, now=NOW, progress=lambda _size: None).files == 4


def signed(key: OKPKey, digests: list[tuple[str, int]], *, kind: str = "stored", status: str = "stored",
           facility: str = "sakura", typ: str = TYP, collection: str = "") -> str:  # fmt: skip
    files = [{"sha256": digest, "length": length, "sop_instance_uid": "", "status": status}
             for digest, length in digests]  # fmt: skip
    claims = {"kind": kind, "facility": facility, "collection": collection or str(uuid4()),
              "sets": [{"study_instance_uid": "1", "status": status, "files": files}], "not_kept": []}  # fmt: skip
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": typ}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[ALGORITHM])


def digests_of(folder: Path) -> list[tuple[str, int]]:
    return [(sha256(path.read_bytes()).hexdigest(), path.stat().st_size) for path in folder.rglob("*.dcm")]


def test_only_the_centers_word_of_storage_lets_anything_go(tmp_path: Path, images: Path) -> None:
    state = made_up(tmp_path)
    center, stranger = OKPKey.import_key(state.device().jwk), OKPKey.generate_key("Ed25519")
    digests = digests_of(images)

    def prunable(token: str) -> int:
        state.keep_receipt("sakura", str(uuid4()), "stored", token, set())
        try:
            return len(candidates(images, "sakura", Choice(), state, now=NOW))
        except NotVerified:
            return -1
        finally:
            state._db.execute("DELETE FROM receipt")

    assert prunable(signed(center, digests)) == 4
    assert prunable(signed(stranger, digests)) == -1
    assert prunable(signed(center, digests, kind="received")) == 0
    assert prunable(signed(center, digests, status="quarantined")) == 0
    assert prunable(signed(center, digests, status="not_yet")) == 0
    assert prunable(signed(center, digests, facility="lindenhof")) == 0
    assert prunable(signed(center, digests, typ="medvault-device+jwt")) == -1
    assert prunable(signed(center, [(digest, length + 1) for digest, length in digests])) == 0
    token = signed(center, digests)
    head, _, tail = token.split(".")
    forged = signed(center, [("0" * 64, 1)]).split(".")[1]
    assert prunable(f"{head}.{forged}.{tail}") == -1


def test_a_receipt_of_twenty_thousand_files_is_verified(tmp_path: Path) -> None:
    state = made_up(tmp_path)
    center = OKPKey.import_key(state.device().jwk)
    digests = [(f"{number:064x}", number) for number in range(20_000)]
    assert len(keep(state, signed(center, digests), "sakura").stored()) == 20_000


def test_what_the_center_did_not_get_keeps_the_sealed_copy_and_is_collected_again(tmp_path: Path, images: Path) -> None:
    state = made_up(tmp_path)
    center = OKPKey.import_key(state.device().jwk)
    [made] = collect(images, Visit(), state, now=NOW, progress=lambda _size: None).collections
    digests = sorted(digests_of(images))
    for kind in ("received", "stored"):
        keep(state, signed(center, digests[:3], kind=kind, status=kind, collection=made.uid), "sakura")
    [now] = state.collections()
    assert (now.state, now.reason[:7]) == ("incomplete", "1 files")
    assert state.sealed_path(made.uid).exists()
    assert collect(images, Visit(), state, now=NOW, progress=lambda _size: None).files == 1


def test_a_receipt_is_taken_for_its_own_facility_alone(tmp_path: Path) -> None:
    state = made_up(tmp_path)
    center = OKPKey.import_key(state.device().jwk)
    with pytest.raises(NotVerified):
        keep(state, signed(center, [], facility="lindenhof"), "sakura")
    assert state.receipts() == []


def test_pruning_keeps_what_the_clinic_wants_and_leaves_the_folder_by_no_link(tmp_path: Path, images: Path) -> None:
    state = made_up(tmp_path)
    center = OKPKey.import_key(state.device().jwk)
    outside = tmp_path / "outside.dcm"
    outside.write_bytes(example("waveform_ecg.dcm").read_bytes())
    (images / "link.dcm").symlink_to(outside)
    digests = [*digests_of(images), (sha256(outside.read_bytes()).hexdigest(), outside.stat().st_size)]
    state.keep_receipt("sakura", str(uuid4()), "stored", signed(center, digests), set())
    study = str(pydicom.dcmread(images / "1" / "MR_small.dcm").StudyInstanceUID)

    def names(choice: Choice, *, in_days: int = 0) -> set[str]:
        now = datetime.now(UTC) + timedelta(days=in_days)
        return {each.path.name for each in candidates(images, "sakura", choice, state, now=now)}

    assert names(Choice()) == {"CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "reportsi.dcm"}
    assert "MR_small.dcm" not in names(Choice(keep=(study,)))
    assert "CT_small.dcm" not in names(Choice(keep=("0/*",)))
    assert names(Choice(older_than_days=1)) == set()
    assert len(names(Choice(older_than_days=1), in_days=2)) == 4
    assert names(Choice(until_free_bytes=0)) == set()
    prune(candidates(images, "sakura", Choice(), state, now=NOW), images, "sakura", state)
    assert outside.exists()
    assert [path.name for path in images.rglob("*") if path.is_file()] == ["link.dcm"]


def test_a_center_that_is_none_is_told_from_one_that_is_silent(tmp_path: Path, images: Path) -> None:
    class NoCenter(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), NoCenter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    edge = Edge(tmp_path / "edge")
    assert "no MedVault center" in edge.run("init", f"http://127.0.0.1:{server.server_port}", "AAAA", code=5)
    server.shutdown()
    server.server_close()
    assert "does not answer" in edge.run("init", f"http://127.0.0.1:{server.server_port}", "AAAA", code=4)
    assert "https" in edge.run("init", "http://center.example", "AAAA", code=2)
    assert "init" in edge.run("collect", images, code=2)


def test_killed_while_sealing_it_collects_again_and_leaves_no_half(tmp_path: Path, images: Path) -> None:
    state = made_up(tmp_path)
    (state.sealed_folder / "x.partial").write_bytes(b"half")
    collected = collect(images, Visit(), state, now=NOW, progress=lambda _size: None)
    assert collected.files == 4
    assert {path.suffix for path in state.sealed_folder.iterdir()} == {".age"}


def test_verification_needs_no_network(tmp_path: Path) -> None:
    key = OKPKey.generate_key("Ed25519")
    jwks = {"keys": [key.as_dict(private=False) | {"kid": key.thumbprint()}]}
    assert verify(signed(key, [("0" * 64, 1)]), jwks).stored() == {("0" * 64, 1)}
    for token in ("", "a.b.c", "no receipt", signed(OKPKey.generate_key("Ed25519"), [])):
        with pytest.raises(NotVerified):
            verify(token, jwks)
    none = signed(key, []).split(".")
    with pytest.raises(NotVerified):
        verify(f"eyJhbGciOiJub25lIn0.{none[1]}.", jwks)
