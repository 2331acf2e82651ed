"""A collector takes along what a terminal on the LAN has sealed: told by processes, wires that fail, and strangers."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey
from medvault_edge.collecting import Visit, collect
from medvault_edge.errors import NotVerified
from medvault_edge.handing_over import keep
from medvault_edge.receipts import TYP, sign_carried
from medvault_edge.signing import ALGORITHM, CERTIFICATE, opened, sign
from medvault_edge.state import Device, Sealed, State
from medvault_edge.visits import OFFER, VISIT, as_sealed

from apps.collection.models import Collection, Collector, CollectorFacility, Terminal
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from tests.edge.conftest import NAMES, Edge, at_the_center, example
from tests.edge.test_story import VISIT as BY_MORI
from tests.edge.test_story import stored_bytes
from tests.edge.wires import answering, serving, wire
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("committed_db")
SEALED_COPY = 3
"""Connections of a visit: the challenge, the visit, then the copy."""


@pytest.fixture
def room(terminal: Terminal, enrolled: Callable[..., Edge]) -> Edge:
    return enrolled(terminal, "terminal")


@pytest.fixture
def port(room: Edge, images: Path, collector: Edge) -> Iterator[int]:
    with serving(room, images) as port:
        yield port


@pytest.fixture
def other(collector: Edge, enrolled: Callable[..., Edge], sakura: Facility) -> Edge:
    """A second collector."""
    with as_center():
        bag = Collector.objects.create(name="Bag 2")
        CollectorFacility.objects.create(facility=sakura, collector=bag)
    return enrolled(bag, "other")


@pytest.fixture
def large(images: Path) -> None:
    """An image beside the others that goes over a wire in many pieces."""
    (images / "large.dcm").write_bytes(example("CT_small.dcm").read_bytes() + bytes(1_000_000))


def visit(edge: Edge, port: int, *, code: int = 0) -> Any:
    return edge.run("collect", "--terminal-at", f"127.0.0.1:{port}", *BY_MORI, code=code)


def states(edge: Edge) -> list[str]:
    return [each.state for each in State(edge.home).collections()]


def files_of(edge: Edge) -> list[Path]:
    return list((edge.home / "sealed").iterdir())


def test_from_the_terminals_folder_over_the_lan_to_its_pruned_disk(
    collector: Edge, room: Edge, port: int, images: Path, terminal: Terminal, sakura: Facility
) -> None:
    visited = visit(collector, port)
    assert (visited["files"], visited["known"], visited["left"]) == (4, 0, {})
    assert (states(collector), states(room)) == (["sealed"], ["carried"])
    assert [path.read_bytes() for path in files_of(collector)] == [path.read_bytes() for path in files_of(room)]
    content = b"".join(path.read_bytes() for path in collector.home.rglob("*") if path.is_file())
    for readable in (b"CompressedSamples", b"CT_small", b"1.3.6.1.4.1.5962", b"DICM"):
        assert readable not in content

    [receipt, page] = [images / "medvault-receipts" / name for name in visited["receipts"]]
    assert all(text in page.read_text() for text in ("K. Mori", "SN-7", "X-ray room", ">4"))
    [told] = room.run("verify", receipt)
    assert (told["kind"], told["files"], told["stored"]) == ("received", 4, 0)
    assert room.run("prune", images)["files"] == 0
    assert State(room.home).receipts() == []

    assert collector.run("handover")[0]["state"] == "uploaded"
    assert (states(room), len(files_of(room))) == (["carried"], 1), "wiped before it was stored"
    at_the_center()
    assert collector.run("handover")[0]["state"] == "stored"
    assert files_of(collector) == []
    until(lambda: states(room) == ["stored"])
    assert files_of(room) == []
    assert stored_bytes(sakura) == sorted(example(name).read_bytes() for name in NAMES)
    with as_facility(sakura):
        collection = Collection.objects.get()
        assert (collection.method, collection.reception_record.operator) == ("visit", "K. Mori")
        assert collection.terminal == terminal
    assert room.run("prune", images, "--yes")["files"] == 4


def test_a_second_visit_takes_only_what_is_new(collector: Edge, room: Edge, port: int, images: Path) -> None:
    visit(collector, port)
    again = visit(collector, port)
    assert (again["files"], again["known"], again["collections"]) == (0, 4, [])
    collector.run("handover")
    at_the_center()
    until(lambda: states(room) == ["stored"])
    (images / "new.dcm").write_bytes(example("waveform_ecg.dcm").read_bytes())
    later = visit(collector, port)
    assert (later["files"], later["known"]) == (1, 4)


def test_what_a_lost_collector_carried_the_next_one_brings(
    collector: Edge, other: Edge, room: Edge, port: int, images: Path, sakura: Facility
) -> None:
    [lost] = visit(collector, port)["collections"]
    visited = visit(other, port)
    assert (visited["collections"], visited["files"], visited["known"]) == ([lost], 4, 4)
    assert len(list((images / "medvault-receipts").glob("*.jws"))) == 2, "each collector's receipt stays"
    other.run("handover")
    at_the_center()
    assert other.run("handover")[0]["state"] == "stored"
    until(lambda: states(room) == ["stored"])
    [told] = collector.run("handover", code=1)
    assert "Another device" in told["problem"]
    assert len(stored_bytes(sakura)) == 4
    with as_facility(sakura):
        assert Collection.objects.count() == 1


def test_two_collectors_at_once_bring_each_image_once(
    collector: Edge, other: Edge, room: Edge, port: int, sakura: Facility
) -> None:
    address = ("collect", "--terminal-at", f"127.0.0.1:{port}", *BY_MORI)
    both = [collector.start(*address), other.start(*address)]
    assert [each.wait(60) for each in both] == [0, 0]
    uids = [{each.uid for each in State(edge.home).collections()} for edge in (collector, other)]
    assert sum(each.files for each in State(room.home).collections()) == 4
    assert set.union(*uids) == {each.uid for each in State(room.home).collections()}
    for each in [collector.start("handover"), other.start("handover")]:
        each.wait(60)
    at_the_center()
    until(lambda: set(states(room)) == {"stored"})
    assert len(stored_bytes(sakura)) == 4


def test_a_copy_that_is_cut_goes_on_where_it_was(collector: Edge, room: Edge, port: int, large: None) -> None:
    carried: dict[int, int] = {}

    def cut(number: int, data: bytes) -> bytes | None:
        carried[number] = carried.get(number, 0) + len(data)
        return None if number in {SEALED_COPY, SEALED_COPY + 1} and carried[number] > 150_000 else data

    with wire(port, cut) as cutting:
        assert visit(collector, cutting)["files"] == 5
    [copy], [sealed] = files_of(collector), files_of(room)
    assert copy.read_bytes() == sealed.read_bytes()
    assert len(carried) == 6, "it was not cut twice"
    assert carried[SEALED_COPY + 2] < copy.stat().st_size, "it started over"


def test_killed_while_copying_it_starts_over_and_leaves_no_half(
    collector: Edge, room: Edge, port: int, large: None
) -> None:
    is_stalled, is_over = threading.Event(), threading.Event()

    def stall(number: int, data: bytes) -> bytes | None:
        if number == SEALED_COPY and is_stalled.is_set():
            is_over.wait()
        elif number == SEALED_COPY:
            is_stalled.set()
        return data

    with wire(port, stall) as stalling:
        copying = collector.start("collect", "--terminal-at", f"127.0.0.1:{stalling}", *BY_MORI)
        assert is_stalled.wait(30)
        until(lambda: files_of(collector))
        copying.kill()
        copying.communicate(timeout=30)
        is_over.set()
    assert ([path.suffix for path in files_of(collector)], states(collector)) == ([".partial"], [])
    assert visit(collector, port)["files"] == 5
    assert ([path.suffix for path in files_of(collector)], states(collector)) == ([".age"], ["sealed"])
    assert states(room) == ["carried"]


@pytest.mark.parametrize("what", ["sealed file", "offer"])
def test_what_was_changed_on_the_wire_is_refused(
    collector: Edge, room: Edge, port: int, large: None, what: str
) -> None:
    def change(number: int, data: bytes) -> bytes:
        if number == SEALED_COPY and what == "sealed file" and not data.startswith(b"HTTP"):
            return bytes([data[0] ^ 1]) + data[1:]
        if number == SEALED_COPY - 1 and what == "offer" and b'"offer"' in data:
            start = data.index(b".", data.index(b'"offer"')) + 50
            return data[:start] + (b"A" if data[start:][:1] != b"A" else b"B") + data[start + 1 :]
        return data

    with wire(port, change) as changing:
        visit(collector, changing, code=6)
    assert (files_of(collector), states(collector), states(room)) == ([], [], ["carried"])
    assert visit(collector, port)["files"] == 5


def certificate(center: OKPKey, device: Device, kind: str = "collector") -> str:
    claims = {"sub": device.uid, "kind": kind, "cnf": {"jwk": OKPKey.import_key(device.jwk).as_dict(private=False)}}
    header = {"alg": ALGORITHM, "kid": center.thumbprint(), "typ": CERTIFICATE}
    return jws.serialize_compact(header, json.dumps(claims), center, algorithms=[ALGORITHM])


def without_certificate(device: Device, claims: dict[str, Any]) -> str:
    key = OKPKey.import_key(device.jwk)
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": VISIT}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[ALGORITHM])


def asked(port: int, **other: str) -> dict[str, Any]:
    told = httpx.get(f"http://127.0.0.1:{port}/challenge").json()
    return told | {"operator": "K. Mori", "medium_serial": "SN-7", "iat": 0} | other


def posted(port: int, token: str, path: str = "/visits", **headers: str) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{port}{path}", content=token, headers=headers)


def test_a_stranger_takes_nothing(collector: Edge, room: Edge, port: int) -> None:
    device, own = State(collector.home).device(), State(room.home).device()
    stranger = replace(device, jwk=OKPKey.generate_key("Ed25519").as_dict(private=True))
    elsewhere = replace(stranger, certificate=certificate(OKPKey.generate_key("Ed25519"), stranger))
    refused = {
        "no certificate": without_certificate(stranger, asked(port)),
        "another's certificate": sign(stranger, asked(port), typ=VISIT),
        "another center's": sign(elsewhere, asked(port), typ=VISIT),
        "a terminal's": sign(own, asked(port), typ=VISIT),
        "no visit": sign(device, asked(port), typ=TYP),
        "an invented nonce": sign(device, asked(port, nonce="1" * 43), typ=VISIT),
        "another terminal": sign(device, asked(port, terminal=str(uuid4())), typ=VISIT),
        "another facility": sign(device, asked(port, facility="lindenhof"), typ=VISIT),
        "nothing": "",
        "nonsense": "a.b.c",
        "deep nonsense": "W1tb.W1tb.W1tb",
    }
    for what, token in refused.items():
        answer = posted(port, token)
        assert answer.status_code == 403, what
        assert answer.json()["detail"]
    assert states(room) == []
    claims = asked(port)
    assert posted(port, sign(device, claims, typ=VISIT)).status_code == 200
    again = posted(port, sign(device, claims, typ=VISIT))
    assert (again.status_code, again.json()["detail"]) == (403, "The visit was made before, or too long ago")
    too_long = asked(port, operator="K" * 151)
    assert posted(port, sign(device, too_long, typ=VISIT)).status_code == 409


def test_only_who_was_offered_a_collection_copies_and_receipts_it(
    collector: Edge, other: Edge, room: Edge, port: int, images: Path
) -> None:
    device, bag = State(collector.home).device(), State(other.home).device()
    answer = posted(port, sign(device, asked(port), typ=VISIT)).json()["offer"]
    claims, signer = opened(answer, device.jwks, typ=OFFER)
    assert signer.uid == State(room.home).device().uid
    [offered] = claims["collections"]
    assert set(offered) == {"uid", "facility", "terminal", "made_at", "sealed_sha256", "sealed_length", "files",
                            "length", "left_count"}  # fmt: skip
    path, bearer = f"/visits/{offered['uid']}", {"Authorization": f"Bearer {claims['token']}"}
    for headers, where in (({}, path), ({"Authorization": "Bearer x"}, path), (bearer, f"/visits/{uuid4()}")):
        assert httpx.get(f"http://127.0.0.1:{port}{where}", headers=headers).status_code == 403
    whole = httpx.get(f"http://127.0.0.1:{port}{path}", headers=bearer)
    assert (whole.status_code, len(whole.content)) == (200, offered["sealed_length"])
    beyond = bearer | {"Range": f"bytes={offered['sealed_length']}-"}
    assert httpx.get(f"http://127.0.0.1:{port}{path}", headers=beyond).status_code == 416

    sealed = as_sealed(offered, facility="sakura", terminal=offered["terminal"])

    def receipted(signer: Device, sealed: Sealed, operator: str = "K. Mori") -> int:
        about = {"facility": "sakura", "collection": offered["uid"], "terminal": sealed.terminal, "method": "visit",
                 "operator": operator, "medium_serial": "SN-7", "collected_at": "2026-11-24T00:00+00:00"}  # fmt: skip
        token = sign_carried(signer, about, sealed, now=datetime.now(UTC))
        with pytest.raises(NotVerified):
            keep(State(room.home), token, "sakura")
        return posted(port, token, f"{path}/receipt", **bearer).status_code

    assert receipted(bag, sealed) == 403
    assert receipted(device, replace(sealed, sealed_sha256="0" * 64)) == 403
    assert receipted(device, replace(sealed, files=5)) == 403
    assert receipted(device, sealed, operator="Somebody else") == 403
    assert not (images / "medvault-receipts").exists()
    assert receipted(device, sealed) == 200
    assert len(list((images / "medvault-receipts").iterdir())) == 2
    assert State(room.home).receipts() == []


def test_an_imposter_is_no_terminal(
    collector: Edge, port: int, images: Path, sakura: Facility, lindenhof: Facility, enrolled: Callable[..., Edge]
) -> None:
    with as_center():
        lindenhof_room = Terminal.objects.create(facility=lindenhof, name="CT")
        second = Terminal.objects.create(facility=sakura, name="Installed after the collector was enrolled")
    for number, stranger in enumerate((lindenhof_room, second)):
        with serving(enrolled(stranger, f"room {number}"), images) as elsewhere:
            assert "no terminal" in visit(collector, elsewhere, code=6)
    assert (files_of(collector), states(collector)) == ([], [])


def test_an_answer_that_is_not_this_visits_is_refused(
    collector: Edge, other: Edge, room: Edge, port: int, lindenhof: Facility, enrolled: Callable[..., Edge]
) -> None:
    with as_center():
        ct = Terminal.objects.create(facility=lindenhof, name="CT")
    rogue = State(enrolled(ct, "rogue").home).device()
    own, bag = State(room.home).device(), State(other.home).device()
    challenge = httpx.get(f"http://127.0.0.1:{port}/challenge").json()
    sealed = {"uid": str(uuid4()), "facility": "sakura", "terminal": own.uid, "made_at": "", "sealed_sha256": "0" * 64,
              "sealed_length": 1, "files": 1, "length": 1, "left_count": 0}  # fmt: skip
    offer = challenge | {"collections": [], "known": 0, "unmarked": 0, "left": {}, "problem": "", "token": ""}
    answers = {
        "another terminal's": sign(rogue, offer, typ=OFFER),
        "a collector's": sign(bag, offer | {"terminal": bag.uid}, typ=OFFER),
        "an earlier visit's": sign(own, offer | {"nonce": "earlier"}, typ=OFFER),
        "another facility's": sign(own, offer | {"facility": "lindenhof"}, typ=OFFER),
        "a receipt": sign(own, offer, typ=TYP),
        "a path": sign(own, offer | {"collections": [sealed | {"uid": "../../stolen"}]}, typ=OFFER),
        "another's collection": sign(own, offer | {"collections": [sealed | {"facility": "lindenhof"}]}, typ=OFFER),
        "malformed": sign(own, offer | {"left": None}, typ=OFFER),
    }
    for what, answer in answers.items():
        with answering({"/challenge": challenge, "/visits": {"offer": answer}}) as imposter:
            assert visit(collector, imposter, code=6), what
    with answering({"/challenge": challenge, "/visits": {"offer": sign(own, offer, typ=OFFER)}}) as honest:
        assert visit(collector, honest)["files"] == 0
    with answering({"/challenge": []}) as none:
        assert "no MedVault terminal" in visit(collector, none, code=5)
    assert (files_of(collector), states(collector)) == ([], [])


def test_what_is_asked_for_must_be_possible(collector: Edge, room: Edge, images: Path, lindenhof: Facility) -> None:
    port = free_port()
    at = ("--operator", "K. Mori", "--terminal-at", f"127.0.0.1:{port}", "--facility")
    assert "does not answer" in collector.run("collect", *at, "sakura", code=4)
    assert "not enrolled" in collector.run("collect", *at, "elsewhere", code=2)
    assert "Name a folder" in collector.run("collect", images, *at, "sakura", code=2)
    assert "Name a folder" in collector.run("collect", code=2)
    assert "HOST:PORT" in collector.run("collect", *BY_MORI, "--terminal-at", "nowhere", code=2)
    assert "only a collector" in room.run("collect", *at, "sakura", code=2)
    with serving(room, images) as port:
        at = ("--operator", "K. Mori", "--terminal-at", f"127.0.0.1:{port}", "--facility")
        assert "no such terminal" in collector.run("collect", *at, "sakura", "--terminal", "CT", code=2)
        assert "no terminal" in collector.run("collect", *at, "lindenhof", code=6)
        room.run("watch", images, "--serve", port, "--serve-host", "127.0.0.1", code=2)


@pytest.mark.parametrize(("days", "state"), [(6, "carried"), (8, "uploaded")])
def test_what_collectors_did_not_bring_in_a_week_the_terminal_sends_if_it_sends_at_all(
    terminal: Terminal, room: Edge, images: Path, days: int, state: str
) -> None:
    then = datetime.now(UTC) - timedelta(days=days)
    collect(images, Visit(is_carried=True), State(room.home), now=then, progress=lambda _size: None)
    room.run("watch", images, "--once", "--settled", "0")
    assert states(room) == ["carried"], "it was not told to send"
    with as_center():
        Terminal.objects.filter(pk=terminal.pk).update(push_every_hours=24)
    room.run("watch", images, "--once", "--settled", "0")
    assert states(room) == [state]


def test_what_fits_the_terminals_disk_is_carried_and_the_rest_is_told(
    collector: Edge, room: Edge, images: Path
) -> None:
    full = images.parent / "full"
    full.mkdir()
    (full / "large.dcm").write_bytes(example("CT_small.dcm").read_bytes() + bytes(2_000_000))
    command = "ulimit -f 1500; trap '' XFSZ; exec \"$@\""
    with serving(room, images, full, within=("bash", "-c", command, "bash")) as port:
        assert visit(collector, port, code=7)["files"] == 4
    assert (states(collector), states(room)) == (["sealed"], ["carried"])
    assert State(collector.home).collections()[0].files == 4
