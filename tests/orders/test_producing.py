"""Production: byte for byte what is stored, checked by reading back; interrupted, refused, superseded."""

import io
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event as Flag
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from medvault_edge.errors import NotVerified
from medvault_edge.outputs import verify_output

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.audit.signing import checked, published_keys
from apps.catalog.models import Instance
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.closing import close_due
from apps.orders.errors import IllegalTransition
from apps.orders.handing_out import OFFERED_FOR
from apps.orders.kinds.download import Download
from apps.orders.models import Fault, Order, Output, State
from apps.orders.ordering import cancel, complete
from apps.orders.outputs import offered_output, opened
from apps.orders.producing import MOST_ATTEMPTS, produce_due
from apps.orders.statement import TYP
from apps.orders.working import dispatch, send_back, stop_production
from apps.vault.errors import MissingPack
from tests.forked import Forked
from tests.orders.stories import dispatched, fresh, held, may_order, now, produce, producing, state_of, way
from tests.portal.pages import dicom, store
from tests.retention.workplace import in_group, page_address, shown

pytestmark = pytest.mark.usefixtures("committed_db")
FILES = [dicom(1, 1), dicom(1, 2), dicom(2, 1)]
NAMES = ["001/001/000001.dcm", "001/001/000002.dcm", "002/001/000001.dcm"]


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    store(sakura, *FILES)
    may_order(sakura)
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def produced(order: Order) -> ZipFile:
    with as_center():
        output = Output.objects.filter(order=order, made_at__isnull=False).latest("number")
    with opened(output) as file:
        content = file.read()
    assert sha256(content).digest() == bytes(output.sha256 or b"")
    return ZipFile(io.BytesIO(content))


def files_kept() -> list[Path]:
    root = Path(settings.HOME) / "outputs"
    return [path for path in root.rglob("*") if path.is_file()]


def test_what_comes_out_is_what_came_in(clinic: Facility, staff: User, tmp_path: Path) -> None:
    order = producing(clinic, staff)
    assert produce_due() == 1
    assert state_of(order) == State.READY
    with produced(order) as archive:
        assert archive.namelist() == [
            "001/001/000001.dcm",
            "001/001/000002.dcm",
            "002/001/000001.dcm",
            "DIGESTS.txt",
            "STATEMENT.jws",
        ]
        assert [archive.read(name) for name in NAMES] == FILES
        digests = {
            name: digest
            for digest, name in (line.split("  ") for line in archive.read("DIGESTS.txt").decode().splitlines())
        }
        assert digests == {name: sha256(archive.read(name)).hexdigest() for name in NAMES}
        claims = checked(archive.read("STATEMENT.jws").decode(), typ=TYP)
    assert (claims["order"], claims["facility"]) == (str(order.uid), "sakura")
    assert {each["name"]: each["sha256"] for each in claims["files"]} == digests
    assert produce_due() == 0


def rewritten(source: ZipFile, target: Path, **changed: bytes) -> Path:
    """The ZIP anew, with other content of some members."""
    with ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, changed.get(name, source.read(name)))
    return target


def test_anybody_can_verify_an_output_offline(clinic: Facility, staff: User, tmp_path: Path) -> None:
    order = producing(clinic, staff)
    produce_due()
    keys = published_keys()
    with produced(order) as archive:
        found = verify_output(rewritten(archive, tmp_path / "good.zip"), keys)
        assert (found.order, found.facility, found.count) == (str(order.uid), "sakura", 3)
        for number, changed in enumerate(({NAMES[0]: FILES[1]}, {"DIGESTS.txt": b"x"}, {"STATEMENT.jws": b"a.b.c"})):
            with pytest.raises(NotVerified):
                verify_output(rewritten(archive, tmp_path / f"{number}.zip", **changed), keys)
        more = rewritten(archive, tmp_path / "more.zip")
    with ZipFile(more, "a") as archive:
        archive.writestr("another.dcm", FILES[0])
    for bad in (more, tmp_path / "cut.zip"):
        (tmp_path / "cut.zip").write_bytes(more.read_bytes()[:500])
        with pytest.raises(NotVerified):
            verify_output(bad, keys)


def altered(kind: type[Download], monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]) -> None:
    """Production whose file is changed before it is read back."""
    produce = kind.produce

    def faulty(self: Download, order: Order, instances: Any, target: Path, progress: Any) -> None:
        produce(self, order, instances, target, progress)
        change(target)

    monkeypatch.setattr(kind, "produce", faulty)


def flip(target: Path) -> None:
    content = bytearray(target.read_bytes())
    content[len(content) // 4] ^= 1
    target.write_bytes(content)


def cut(target: Path) -> None:
    target.write_bytes(target.read_bytes()[:-100])


def empty(target: Path) -> None:
    with ZipFile(target, "w"):
        pass


@pytest.mark.parametrize("change", [flip, cut, empty])
def test_an_output_that_reads_differently_is_not_given_out(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    order = producing(clinic, staff)
    with monkeypatch.context() as patch:
        altered(Download, patch, change)
        assert produce_due() == 0
    assert (state_of(order), files_kept()) == (State.ACCEPTED, [])
    assert fresh(order).problem
    produce(order, staff)
    assert (state_of(order), fresh(order).problem) == (State.READY, "")


def test_images_that_cannot_be_read_send_the_order_back(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = producing(clinic, staff), producing(clinic, staff)
    refused: list[Instance] = []

    def missing(instance: Instance) -> Iterator[bytes]:
        if len(refused) < 1:
            refused.append(instance)
            raise MissingPack("Pack 1 is missing")
        return iter([FILES[instance.pk % 1]])

    monkeypatch.setattr("apps.orders.kinds.download.instance_pieces", missing)
    produce_due()
    assert (state_of(first), fresh(first).problem) == (State.ACCEPTED, "Pack 1 is missing")
    assert fresh(second).problem.endswith("is not what is stored")


def test_a_worker_that_is_killed_lets_go_and_another_one_starts_over(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = producing(clinic, staff)

    class Killed(BaseException):
        pass

    def dies(_target: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        altered(Download, patch, dies)
        with pytest.raises(Killed):
            produce_due()
    assert (state_of(order), files_kept()) == (State.PRODUCING, [])
    assert produce_due() == 1
    assert way(order)[-2:] == [State.PRODUCING, State.READY]


def test_a_fault_in_one_order_stops_no_other_one(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [producing(clinic, staff) for _ in range(2)]
    faults = iter([ZeroDivisionError()])

    def once(_target: Path) -> None:
        for fault in faults:
            raise fault

    altered(Download, monkeypatch, once)
    assert produce_due() == 1
    assert [state_of(order) for order in orders] == [State.PRODUCING, State.READY]
    assert produce_due() == 1


def test_two_workers_make_an_output_once_and_staff_need_not_wait_for_them(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = producing(clinic, staff)
    begun, go_on = Flag(), Flag()

    def wait(_target: Path) -> None:
        begun.set()
        assert go_on.wait(30)

    altered(Download, monkeypatch, wait)

    def work() -> int:
        try:
            return produce_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(work)
        assert begun.wait(30)
        assert produce_due() == 0
        with as_center():
            send_back(order, reason="the wrong study", by=staff, actor=SYSTEM, now=now())
        go_on.set()
        assert first.result(30) == 0
    assert (state_of(order), files_kept()) == (State.ACCEPTED, [])


def test_production_is_stopped_while_a_worker_is_at_it_and_started_again(clinic: Facility, staff: User) -> None:
    order = producing(clinic, staff)
    worker = Forked("tests.orders.producing_process", "waits")
    assert worker.stdout.readline() == "begun\n"
    with as_center():
        stop_production(order, by=staff, actor=SYSTEM, now=now())
        with pytest.raises(IllegalTransition):
            stop_production(order, by=staff, actor=SYSTEM, now=now())
    assert worker.communicate("go on\n")[0] == "1 0\n", "it read no further image"
    assert (state_of(order), fresh(order).problem, files_kept()) == (State.ACCEPTED, "", [])
    assert held(clinic) == 2
    produce(order, staff)
    assert way(order)[-4:] == [State.PRODUCING, State.ACCEPTED, State.PRODUCING, State.READY]


def test_what_a_killed_worker_left_behind_goes_when_the_production_is_stopped(clinic: Facility, staff: User) -> None:
    order = producing(clinic, staff)
    assert Forked("tests.orders.producing_process", "dies").wait() == 9
    assert (state_of(order), len(files_kept())) == (State.PRODUCING, 1)
    close_due(now=now())
    assert len(files_kept()) == 1, "another worker may be at it"
    with as_center():
        stop_production(order, by=staff, actor=SYSTEM, now=now())
    close_due(now=now())
    assert files_kept() == []
    with as_center():
        cancel(order, actor=SYSTEM, now=now(), by=staff)
    assert (state_of(order), held(clinic)) == (State.CANCELLED, 0)


def test_what_kills_worker_after_worker_goes_back_to_staff(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, other = producing(clinic, staff), producing(clinic, staff)
    with as_center():
        Output.objects.filter(order=order).update(attempts=MOST_ATTEMPTS)
        Output.objects.filter(order=other).update(attempts=MOST_ATTEMPTS - 1)
    assert produce_due() == 1
    assert (state_of(order), state_of(other)) == (State.ACCEPTED, State.READY)
    assert fresh(order).problem.startswith("It was begun 5 times")
    produce(order, staff)


def test_which_images_cannot_be_read_is_told_by_their_uids(
    clinic: Facility, staff: User, signed_in: Callable[..., Client], settings: Any
) -> None:
    order = producing(clinic, staff)
    with as_center():
        broken = list(Instance.objects.filter(series__study__study_instance_uid="2.25.1").select_related("pack"))
    for alias in ("primary", "replica"):
        shutil.rmtree(Path(settings.HOME) / "vault" / alias / broken[0].pack.name, ignore_errors=True)
        (Path(settings.HOME) / "vault" / alias / broken[0].pack.name).unlink(missing_ok=True)
    assert produce_due() == 0
    assert fresh(order).problem == "2 images are not readable as they were received"
    with as_center():
        faults = list(Fault.objects.values_list("sop_instance_uid", flat=True))
    assert faults == [each.sop_instance_uid for each in broken]
    settings.STAFF_SECOND_FACTOR = False
    page = shown(in_group(signed_in, "operator"), page_address(order))
    assert "Images that did not go through" in page
    for told in (*faults, "2 images are not readable"):
        assert told in page
    assert "Mori" not in page


def test_files_are_erased_when_nobody_may_fetch_them_any_more(clinic: Facility, staff: User) -> None:
    order = dispatched(clinic, staff)
    with as_facility(clinic):
        assert offered_output(fresh(order), now=now())
    assert len(files_kept()) == 1
    with as_center():
        send_back(order, reason="once more", by=staff, actor=SYSTEM, now=now())
        assert offered_output(fresh(order), now=now()) is None
    produce(order, staff)
    assert len(files_kept()) == 2
    with as_center():
        dispatch(order, by=staff, actor=SYSTEM, now=now())
    close_due(now=now())
    assert len(files_kept()) == 1
    with as_facility(clinic):
        complete(order, actor=SYSTEM, now=now())
    close_due(now=now() + OFFERED_FOR - timedelta(hours=1))
    assert len(files_kept()) == 1
    close_due(now=now() + OFFERED_FOR)
    assert files_kept() == []
    with as_center():
        assert Output.objects.filter(erased_at=None).count() == 0
        assert offered_output(fresh(order), now=now() + OFFERED_FOR) is None
    assert not storages["outputs"].exists("1")
