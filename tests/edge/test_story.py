"""Collect, hand over, receipt, prune: the story of a visit, with nothing but the commands."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance
from apps.collection.models import Collection, Terminal
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from tests.edge import forked
from tests.edge.conftest import NAMES, Edge, at_the_center, example

pytestmark = pytest.mark.usefixtures("committed_db")
VISIT = ("--facility", "sakura", "--operator", "K. Mori", "--medium-serial", "SN-7")


def stored_bytes(facility: Facility) -> list[bytes]:
    with as_facility(facility):
        return sorted(open_instance(each).read() for each in Instance.objects.select_related("pack"))


def test_from_a_terminals_folder_to_its_pruned_disk(
    collector: Edge, terminal: Terminal, enrolled: Callable[..., Edge], images: Path, sakura: Facility
) -> None:
    collected = collector.run("collect", images, *VISIT)
    assert (collected["files"], collected["left"], len(collected["receipts"])) == (4, {}, 2)
    [receipt, page] = collected["receipts"]
    assert "K. Mori" in Path(page).read_text()
    assert len(list((collector.home / "sealed").iterdir())) == 1

    [sent] = collector.run("handover", "--facility", "sakura")
    assert sent["state"] == "uploaded"
    assert len(list((collector.home / "sealed").iterdir())) == 1, "wiped before it was stored"
    at_the_center()
    [handed] = collector.run("handover")
    assert handed["state"] == "stored"
    assert list((collector.home / "sealed").iterdir()) == []
    assert stored_bytes(sakura) == sorted(example(name).read_bytes() for name in NAMES)
    with as_facility(sakura):
        collection = Collection.objects.get()
        assert (collection.method, collection.reception_record.operator) == ("visit", "K. Mori")
        assert collection.terminal == terminal

    room = enrolled(terminal, "terminal")
    [told] = room.run("verify", receipt)
    assert (told["kind"], told["files"], told["stored"]) == ("received", 4, 0)
    assert room.run("prune", images)["files"] == 0
    assert {each["kind"] for each in room.run("receipts")} == {"received", "stored"}
    assert room.run("prune", images) == {"deleted": False, "files": 4, "bytes": sum(map(size, NAMES))}
    assert len(list(images.rglob("*.dcm"))) == 4
    (images / "new.dcm").write_bytes(example("waveform_ecg.dcm").read_bytes())
    assert room.run("prune", images, "--yes")["files"] == 4
    assert [path.name for path in images.rglob("*.dcm")] == ["new.dcm"]


def size(name: str) -> int:
    return example(name).stat().st_size


def test_a_second_visit_takes_only_what_is_new(collector: Edge, images: Path) -> None:
    collector.run("collect", images, *VISIT)
    again = collector.run("collect", images, *VISIT)
    assert (again["files"], again["known"], again["collections"]) == (0, 4, [])
    (images / "new.dcm").write_bytes(example("waveform_ecg.dcm").read_bytes())
    later = collector.run("collect", images, *VISIT)
    assert (later["files"], later["known"]) == (1, 4)


def test_what_is_agreed_anew_is_known_after_the_next_handover(
    collector: Edge, terminal: Terminal, images: Path, sakura: Facility
) -> None:
    with as_center():
        Terminal.objects.filter(pk=terminal.pk).update(agreed_instances=3)
        Terminal.objects.create(facility=sakura, name="Old room", retired_at=database_now())
    collector.run("handover")
    collected = collector.run("collect", images, *VISIT, "--terminal", "X-ray room")
    assert (collected["files"], collected["left"]) == (3, {"over_amount": 1})
    assert "no such terminal" in collector.run("collect", images, *VISIT, "--terminal", "Old room", code=2)


def test_one_collector_carries_two_facilities_apart(
    collector: Edge, images: Path, sakura: Facility, lindenhof: Facility
) -> None:
    collector.run("collect", images, *VISIT)
    assert collector.run("collect", images, "--facility", "lindenhof", "--operator", "B")["files"] == 4
    assert len(collector.run("handover")) == 2
    at_the_center()
    assert {each["state"] for each in collector.run("handover")} == {"stored"}
    assert stored_bytes(sakura) == stored_bytes(lindenhof)
    with as_center():
        assert Collection.objects.count() == 2
    assert "--facility" in collector.run("collect", images, "--operator", "B", code=2)
    assert "--operator" in collector.run("collect", images, "--facility", "sakura", code=2)


def test_what_stays_is_named_and_why(collector: Edge, images: Path) -> None:
    """A scan without information, and an image beside which a period is written that cannot be read."""
    (images / "film.png").write_bytes(b"a scan")
    (images / "0" / "CT_small.json").write_text('{"keep_until": ')
    (images / "1" / "MR_small.json").write_text('{"keep_until": "for long"}')
    whys = {
        "0/CT_small.dcm": "the JSON file beside it cannot be read",
        "1/MR_small.dcm": "keep_until is no date such as 2040-12-31",
        "film.png": "scan without accompanying information",
    }
    collected = collector.run("collect", images, *VISIT)
    assert (collected["files"], collected["left"]) == (2, {"unreadable": 3})
    assert {each["file"]: each["why"] for each in collected["stays"]} == whys
    code, out, _err = forked.run(["--home", str(collector.home), "collect", str(images), *VISIT], os.environ)
    assert code == 0
    for file, why in whys.items():
        assert re.search(rf"{re.escape(file)} +│ {re.escape(why[:20])}", out), out


def test_the_receipt_of_what_cannot_be_written_to_lies_with_the_collector(collector: Edge, images: Path) -> None:
    (images / "medvault-receipts").write_text("in the way, as on a disc")
    [receipt, page] = map(Path, collector.run("collect", images, *VISIT)["receipts"])
    assert receipt.parent == page.parent == collector.home / "medvault-receipts"
    assert "K. Mori" in page.read_text()


def test_only_a_terminal_asks_for_collections_and_restores(collector: Edge, tmp_path: Path) -> None:
    assert "only a terminal" in collector.run("request", "disk", code=2)
    assert "only a terminal" in collector.run("restore", tmp_path, code=2)


def test_what_cannot_be_verified_is_named(collector: Edge, images: Path, tmp_path: Path) -> None:
    [receipt, _] = map(Path, collector.run("collect", images, *VISIT)["receipts"])
    other = receipt.with_name("other.jws")
    other.write_text("nothing of the kind")
    assert "other.jws: This is not signed" in collector.run("verify", receipt, other, code=6)
    assert "gone.jws' does not exist" in collector.run("verify", "gone.jws", code=2)
    for keys in ("", "[1]", '{"keys": 1}', '{"keys": [{"kty": "OKP"}]}'):
        (tmp_path / "keys").write_text(keys)
        assert "file of keys holds none" in collector.run("verify", receipt, "--keys", tmp_path / "keys", code=2), keys


def test_what_was_stolen_tells_nothing_and_opens_nothing(collector: Edge, images: Path) -> None:
    collector.run("collect", images, *VISIT)
    content = b"".join(path.read_bytes() for path in collector.home.rglob("*") if path.is_file())
    for name in (b"CompressedSamples", b"CT_small", b"1.3.6.1.4.1.5962", b"DICM"):
        assert name not in content
    for path in collector.home.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.parent != collector.home.parent
    assert collector.home.stat().st_mode & 0o077 == 0


def test_a_terminal_reports_pushes_and_fetches_receipts_in_one_round(
    terminal: Terminal, enrolled: Callable[..., Edge], images: Path, sakura: Facility
) -> None:
    with as_center():
        terminal.push_every_hours = 24
        terminal.save()
    room = enrolled(terminal)
    said = room.run("watch", images, "--once", "--settled", "0")
    assert "4 studies wait" in said
    assert "uploaded" in said
    at_the_center()
    room.run("watch", images, "--once", "--settled", "0")
    assert room.run("prune", images)["files"] == 4
    with as_facility(sakura):
        assert list(terminal.capacities.order_by("pk").values_list("waiting_sets", flat=True)) == [4, 0]
        assert Collection.objects.get().method == "push"


def test_a_terminal_asks_for_a_collection(terminal: Terminal, enrolled: Callable[..., Edge]) -> None:
    room = enrolled(terminal)
    room.run("request", "disk", "--note", "Nearly full", "--due", "2026-12-01")
    with as_center():
        wish = terminal.requests.get()
    assert (wish.reason, wish.note) == ("disk", "Nearly full")
    assert "reason" in room.run("request", "because", code=2)
