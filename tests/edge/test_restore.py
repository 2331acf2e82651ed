"""Everything comes back to an empty terminal as it was collected, whatever happens on the way."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from django.test import Client
from medvault_edge import restoring
from medvault_edge.center import Center
from medvault_edge.errors import EdgeError, NotReachable, NotVerified, Refused
from medvault_edge.state import State

from apps.accounts.models import User
from apps.collection.models import Terminal
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center
from apps.orders.models import Arrival, Order, OrderKind
from apps.orders.models import State as OrderState
from tests.edge.conftest import NAMES, Edge, at_the_center, example
from tests.edge.wires import wire
from tests.orders.sent import node, ready, send
from tests.orders.stories import may_order, state_of
from tests.portal.pages import dicom, store
from tests.retention.workplace import in_group, page_address, shown

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def staff(committed_db: None, person: Callable[..., User]) -> User:
    return person("staff@center.example", is_staff=True)


@pytest.fixture
def room(terminal: Terminal, enrolled: Callable[..., Edge], images: Path, sakura: Facility) -> Edge:
    """A terminal that has sent all it has, and knows so."""
    edge = enrolled(terminal)
    edge.run("collect", images)
    edge.run("handover")
    at_the_center()
    edge.run("handover")
    may_order(sakura, base_fee="20000", restore="2", transfer="700")
    return edge


def restorable(facility: Facility, staff: User, **given: Any) -> Order:
    order = ready(facility, staff, OrderKind.RESTORE, **given)
    send(order, staff)
    return order


def restored(center: Center, folder: Path, state: State) -> restoring.Restored:
    """As the command does, without its patience."""
    ready_one = restoring.choose(center, "sakura", "")
    nothing: Callable[[float], None] = lambda _: None  # noqa: E731
    return restoring.restore(ready_one, folder, state, center, total=nothing, progress=nothing, pause=nothing)


def digests(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file() and "medvault-receipts" not in path.parts]
    return sorted(sha256(path.read_bytes()).hexdigest() for path in files)


def test_everything_comes_back_byte_for_byte(
    room: Edge, sakura: Facility, staff: User, images: Path, tmp_path: Path
) -> None:
    """What the center could not read, and what contradicts an image, comes back too."""
    cut, other = example("CT_small.dcm").read_bytes()[:-2000], example("CT_small.dcm").read_bytes()[:-2] + b"\1\1"
    store(sakura, cut, other)
    home = tmp_path / "home"
    assert "Nothing lies ready" in room.run("restore", home, code=2)
    assert "O-000012 does not lie ready" in room.run("restore", home, "--order", "O-000012", code=2)
    order = restorable(sakura, staff)
    told = room.run("restore", home)
    collected = [example(name).read_bytes() for name in NAMES]
    assert digests(home) == sorted(sha256(content).hexdigest() for content in [*collected, cut, other])
    assert (told["order"], told["files"], told["receipted"]) == (str(order), 6, 4)
    assert state_of(order) == OrderState.COMPLETED
    [proof] = room.run("verify", told["statement"])
    assert (proof["kind"], proof["order"], proof["files"]) == ("manifest", str(order.uid), 6)
    assert digests(images) == sorted(sha256(content).hexdigest() for content in collected)


def test_a_period_and_a_list_come_back_and_nothing_else(
    room: Edge, sakura: Facility, staff: User, tmp_path: Path
) -> None:
    store(sakura, dicom(5, StudyDate="20150101"), dicom(6, StudyDate="20151231"), dicom(7, StudyDate="20160101"))
    period = {"what": "period", "first_on": "2015-01-01", "last_on": "2015-12-31", "to": "terminal"}
    first, second = restorable(sakura, staff, **period), restorable(sakura, staff, what="chosen", to="terminal")
    assert "--order" in room.run("restore", tmp_path / "home", code=2)
    assert room.run("restore", tmp_path / "home", "--order", first)["files"] == 2
    assert room.run("restore", tmp_path / "home")["files"] == len(NAMES) + 3
    assert state_of(second) == OrderState.COMPLETED


def test_a_restore_that_is_cut_goes_on_and_fetches_nothing_twice(
    room: Edge, sakura: Facility, staff: User, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = dicom(9, pixels=np.arange(512 * 512, dtype=np.uint16).reshape(512, 512))
    store(sakura, large)
    order = restorable(sakura, staff)
    state, home = State(room.home), tmp_path / "home"
    token = state.facility().token
    fetched = list[tuple[str, int]]()
    asked = Center.file_from

    def file_from(self: Center, path: str, offset: int) -> Any:
        fetched.append((path, offset))
        return asked(self, path, offset)

    monkeypatch.setattr(Center, "file_from", file_from)
    left = {1: 4000, 2: 200_000, 3: 150_000}

    def carry(number: int, data: bytes) -> bytes | None:
        left[number] = left.get(number, 10**9) - len(data)
        return data if left[number] > 0 else None

    with wire(int(address.rsplit(":", 1)[1]), carry) as port:
        told = restored(Center(f"http://127.0.0.1:{port}", token), home, state)
    contents = [large, *(example(name).read_bytes() for name in NAMES)]
    assert digests(home) == sorted(sha256(content).hexdigest() for content in contents)
    assert len([offset for _, offset in fetched if offset > 50_000]) == 2
    assert len(fetched) == len(contents) + 1 + 3, "one for each file, the manifest and each cut"
    assert (told.files, state_of(order)) == (len(contents), OrderState.COMPLETED)

    again = restorable(sakura, staff)
    shutil.copytree(home / str(order), home / str(again))
    (home / str(again) / "001/001/000001.dcm").write_bytes(b"x" * 100)
    fetched.clear()
    with Center(address, token) as center:
        restored(center, home, state)
    assert len(fetched) == 2, "the manifest and the one file that is not as it should be"


def test_what_has_arrived_is_seen_at_the_center_while_it_comes(
    room: Edge, sakura: Facility, staff: User, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch,
    signed_in: Callable[..., Client], settings: Any,
) -> None:  # fmt: skip
    order, state = restorable(sakura, staff), State(room.home)
    asked, fetched = Center.file_from, list[str]()

    def cut(self: Center, path: str, offset: int) -> Iterator[bytes]:
        fetched.append(path)
        if len([each for each in fetched if "/files/" in each]) > 2:
            raise Refused("The center does not give this file")
        return asked(self, path, offset)

    monkeypatch.setattr(restoring, "SYNCED_EVERY_S", 0.0)
    with Center(address, state.facility().token) as center:
        with monkeypatch.context() as patch:
            patch.setattr(Center, "file_from", cut)
            with pytest.raises(Refused):
                restored(center, tmp_path / "home", state)
        with as_center():
            arrival = Arrival.objects.get(order=order)
        assert (arrival.files, arrival.total_files) == (2, len(NAMES))
        assert 0 < arrival.size_bytes < arrival.total_bytes
        page = signed_in("viewer@example.org", sakura=Role.VIEWER).get(f"/f/sakura/orders/{order.pk}/")
        content = page.content.decode()
        assert "A terminal fetches it." in content
        assert "50 %" in content
        assert 'hx-trigger="every 5s"' in content
        settings.STAFF_SECOND_FACTOR = False
        assert f"2 / {len(NAMES)}" in shown(in_group(signed_in, "operator"), page_address(order))
        assert state_of(order) == OrderState.DISPATCHED
        restored(center, tmp_path / "home", state)
    with as_center():
        arrival.refresh_from_db()
    assert (arrival.files, arrival.size_bytes) == (arrival.total_files, arrival.total_bytes)
    assert state_of(order) == OrderState.COMPLETED


def test_a_center_that_does_not_take_how_far_it_is_gives_the_files_all_the_same(
    room: Edge, sakura: Facility, staff: User, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, state = restorable(sakura, staff), State(room.home)
    said: list[Any] = []

    def unknown(*given: Any, **told: Any) -> None:
        said.append((given, told))
        raise Refused("Not Found")

    monkeypatch.setattr(Center, "arrived", unknown)
    with Center(address, state.facility().token) as center:
        restored(center, tmp_path / "home", state)
    assert said
    assert state_of(order) == OrderState.COMPLETED


def test_what_differs_on_the_way_or_from_the_receipts_is_not_restored(
    room: Edge, sakura: Facility, staff: User, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = restorable(sakura, staff)
    state = State(room.home)

    def changed(self: Center, path: str, offset: int) -> Iterator[bytes]:
        for piece in asked(self, path, offset):
            yield piece if "/files/" not in path else bytes(len(piece))

    def gone(*_: object, **__: object) -> None:
        raise httpx.ConnectError("gone")

    asked = Center.file_from
    faults: list[tuple[Any, str, Any, type[EdgeError], str]] = [
        (Center, "file_from", changed, NotVerified, "signed for"),
        (State, "receipted", lambda *_: {"0" * 64}, NotVerified, "receipt"),
        (restoring, "_NAME", re.compile("never"), NotVerified, "may not be written"),
        (httpx.Client, "stream", gone, NotReachable, "does not answer"),
    ]
    with Center(address, state.facility().token) as center:
        for number, (where, name, fault, refusal, told) in enumerate(faults):
            with monkeypatch.context() as patch:
                patch.setattr(where, name, fault)
                with pytest.raises(refusal, match=told):
                    restored(center, tmp_path / f"{number}", state)
        assert state_of(order) == OrderState.DISPATCHED
        restored(center, tmp_path / "home", state)
    assert state_of(order) == OrderState.COMPLETED


def test_only_the_facilitys_own_restores_that_are_dispatched_are_given(
    room: Edge, sakura: Facility, lindenhof: Facility, staff: User, address: str, token_for: Callable[..., str],
) -> None:  # fmt: skip
    store(lindenhof, dicom(9))
    may_order(lindenhof, restore="2")
    theirs, ours = restorable(lindenhof, staff), restorable(sakura, staff)
    to_node = ready(sakura, staff, OrderKind.RESTORE, what="all", to=f"node-{node(sakura).pk}")
    undispatched = ready(sakura, staff, OrderKind.RESTORE)
    header = {"Authorization": f"Bearer {token_for(sakura, Scope.RESTORE)}"}
    base = f"{address}/api/v1/f/sakura/restores/"
    listed = httpx.get(base, headers=header).json()["restores"]
    assert [each["order"] for each in listed] == [str(ours)]
    lines = httpx.get(f"{base}{ours.uid}/manifest/", headers=header).text.splitlines()
    key = json.loads(lines[1])["key"]
    for order in (theirs, to_node, undispatched):
        assert httpx.get(f"{base}{order.uid}/manifest/", headers=header).status_code == 404
        assert httpx.get(f"{base}{order.uid}/files/{key}/", headers=header).status_code == 404
    store(sakura, dicom(8))  # after the order
    for other in ("image-999999", "image-x", "pack-1", "quarantined-1", "-"):
        assert httpx.get(f"{base}{ours.uid}/files/{other}/", headers=header).status_code == 404
    part = httpx.get(f"{base}{ours.uid}/files/{key}/", headers=header | {"Range": "bytes=128-131"})
    assert (part.status_code, part.content) == (206, b"DICM")
    done = f"{base}{ours.uid}/restored/"
    assert httpx.post(done, headers=header, json={"manifest_sha256": "0" * 64}).json()["code"] == "manifest_differs"
    so_far = {"manifest_sha256": listed[0]["manifest"]["sha256"], "files": 3, "bytes": 1}
    for changed, code in (
        ({"manifest_sha256": "0" * 64}, "manifest_differs"), ({"files": 10**6}, "not_so_much"),
        ({"bytes": 10**12}, "not_so_much"), ({"files": -1}, "invalid"),
    ):  # fmt: skip
        refused = httpx.post(f"{base}{ours.uid}/arrived/", headers=header, json=so_far | changed)
        assert refused.json()["code"] == code, refused.text
    told = httpx.post(f"{base}{ours.uid}/arrived/", headers=header, json=so_far)
    assert (told.status_code, told.json()["files"], told.json()["total_files"]) == (200, 3, 4)
    for order in (theirs, to_node, undispatched):
        assert httpx.post(f"{base}{order.uid}/arrived/", headers=header, json=so_far).status_code == 404
    carried = {"Authorization": f"Bearer {token_for(sakura, Scope.HANDOVER)}"}
    assert httpx.get(base, headers=carried).status_code == 403
    assert httpx.post(f"{base}{ours.uid}/arrived/", headers=carried, json=so_far).status_code == 403
