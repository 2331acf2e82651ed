"""What was acknowledged image by image is packed, once, whoever dies on the way."""

import signal
from pathlib import Path
from uuid import uuid4

import pydicom.data
import pytest
from django.conf import settings
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance
from apps.collection.models import Collection, Outcome, ReceivedFile, State, Terminal
from apps.collection.promises import pack_promised, promise
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.journal import Journal
from apps.vault.models import Pack
from apps.vault.packs import sweep_dead_batches
from tests.collection.packing_process import STEPS
from tests.forked import Forked

NAMES = ("CT_small.dcm", "MR_small.dcm", "reportsi.dcm")
FILES = [Path(str(pydicom.data.get_testdata_file(name))).read_bytes() for name in NAMES]
pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def journal(sakura: Facility) -> Journal:
    """Acknowledged images, in two segments."""
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="CT1", ae_title="CT1", address="127.0.0.1")
    uid = uuid4()
    made = Journal(uid, promise(uid, terminal, actor=SYSTEM, now=timezone.now()).encoded())
    for content in FILES[:2]:
        made.add([content[:1000], content[1000:]])
    made.turn()
    made.add([FILES[2]])
    return made


def start(step: str) -> Forked:
    return Forked("tests.collection.packing_process", step)


def assert_stored_once(facility: Facility) -> None:
    with as_facility(facility):
        found = [open_instance(each).read() for each in Instance.objects.select_related("pack")]
        assert sorted(found) == sorted(FILES)
        assert Collection.objects.get().state == State.RECEIVED
        assert ReceivedFile.objects.filter(outcome=Outcome.STORED).count() == ReceivedFile.objects.count() == len(FILES)
        names = {pack.name for pack in Pack.objects.all()}
    root = Path(settings.STORAGES["primary"]["OPTIONS"]["location"])
    assert {str(path.relative_to(root)) for path in root.rglob("*.zip")} == names
    assert [path for path in Path(settings.VAULT_SPOOL).rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("step", STEPS)
def test_a_packer_killed_at_any_step_is_followed_by_one_that_finishes(
    sakura: Facility, journal: Journal, step: str
) -> None:
    journal.close()
    assert start(step).wait(60) == -signal.SIGKILL
    sweep_dead_batches()
    pack_promised()
    sweep_dead_batches()
    assert_stored_once(sakura)
    replicate_pending()
    with as_center():
        assert Collection.objects.get().state == State.STORED


def test_two_packers_pack_a_journal_once(sakura: Facility, journal: Journal) -> None:
    journal.close()
    first = start("together")
    assert first.stdout.readline() == "here\n"
    assert pack_promised() == 0
    output, _ = first.communicate("go\ngo\n", timeout=60)
    assert first.returncode == len(FILES), output
    assert_stored_once(sakura)


def test_while_its_writer_lives_what_was_let_go_of_is_packed_and_the_rest_waits(
    sakura: Facility, journal: Journal
) -> None:
    assert pack_promised() == 2
    with as_facility(sakura):
        assert Collection.objects.get().state == State.OPEN
    journal.close()
    assert pack_promised() == 1
    assert_stored_once(sakura)


def test_what_lies_behind_the_last_acknowledged_image_is_dropped(sakura: Facility, journal: Journal) -> None:
    journal.close()
    [segment] = Path(settings.VAULT_SPOOL).rglob("000002.segment")
    for torn in (b"\0" * 3000, b"PK\3\4" + b"\xff" * 60, FILES[0], b"P"):
        copied = segment.read_bytes()
        segment.write_bytes(copied + torn)
    assert pack_promised() == len(FILES)
    assert_stored_once(sakura)


def test_a_damaged_image_is_kept_back_and_nothing_of_its_journal_is_dropped(sakura: Facility, journal: Journal) -> None:
    journal.close()
    [segment] = Path(settings.VAULT_SPOOL).rglob("000001.segment")
    content = bytearray(segment.read_bytes())
    content[500] ^= 1
    segment.write_bytes(content)
    assert pack_promised() == 0
    assert segment.read_bytes() == content
    content[500] ^= 1
    segment.write_bytes(content)
    assert pack_promised() == len(FILES)
    assert_stored_once(sakura)


def test_a_journal_whose_facility_is_unknown_does_not_hold_up_the_others(sakura: Facility, journal: Journal) -> None:
    journal.close()
    lost = Journal(uuid4(), b"{}")
    lost.add([FILES[0]])
    lost.close()
    assert pack_promised() == len(FILES)
    assert lost.folder.exists()
    with as_facility(sakura):
        assert Instance.objects.count() == len(FILES)


def test_the_same_images_again_are_duplicates_once(sakura: Facility, journal: Journal) -> None:
    journal.close()
    pack_promised()
    with as_facility(sakura):
        terminal = Terminal.objects.get()
    uid = uuid4()
    again = Journal(uid, promise(uid, terminal, actor=SYSTEM, now=timezone.now()).encoded())
    for content in FILES:
        again.add([content])
    again.close()
    assert start("segment gone").wait(60) == -signal.SIGKILL
    pack_promised()
    with as_facility(sakura):
        collection = Collection.objects.get(uid=uid)
        assert (collection.duplicate_count, collection.file_count) == (len(FILES), len(FILES))
        assert Instance.objects.count() == len(FILES)
