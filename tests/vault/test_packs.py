"""A pack is a plain ZIP that anything opens, and says itself what is in it."""

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pydicom.data
import pytest
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Method
from apps.collection.reception import Reception
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.vault.errors import DigestMismatch
from apps.vault.models import Pack, PackKind
from apps.vault.packs import sweep_dead_batches
from apps.vault.places import DirectoryPlace
from apps.vault.spool import Batch

CONTENTS = {
    name: Path(str(pydicom.data.get_testdata_file(name))).read_bytes() for name in ("CT_small.dcm", "MR_small.dcm")
}


def store(facility: Facility, contents: dict[str, bytes]) -> None:
    reception = Reception(method=Method.MEDIA, actor=SYSTEM, operator="A. Operator", medium_serial="CD-7")
    now = timezone.now()
    with Batch(facility.pk) as batch:
        intake = Intake(batch)
        for name, content in contents.items():
            intake.add([content], name)
        store_batch(new_collection(facility, reception, now=now), reception, intake, now=now, is_last=True)


@pytest.fixture(autouse=True)
def empty_vault() -> None:
    shutil.rmtree(_primary(), ignore_errors=True)


@pytest.fixture
def packs(sakura: Facility) -> list[Path]:
    store(sakura, {**CONTENTS, "cut.dcm": CONTENTS["CT_small.dcm"][:-900]})
    with as_facility(sakura):
        return [Path(DirectoryPlace(location=_primary()).path(pack.name)) for pack in Pack.objects.order_by("pk")]


def _primary() -> str:
    from django.conf import settings

    return str(settings.HOME / "vault" / "primary")


def test_each_study_has_a_pack_of_its_own_and_so_has_quarantine(sakura: Facility, packs: list[Path]) -> None:
    with as_facility(sakura):
        kinds = sorted(Pack.objects.values_list("kind", flat=True))
    assert kinds == [PackKind.QUARANTINE, PackKind.STUDY, PackKind.STUDY]


def test_python_opens_a_pack_and_finds_the_files_as_received(packs: list[Path]) -> None:
    found = []
    for path in packs:
        with ZipFile(path) as archive:
            assert archive.testzip() is None
            assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
            found += [archive.read(info) for info in archive.infolist() if info.filename != "manifest.json"]
    assert sorted(found) == sorted([*CONTENTS.values(), CONTENTS["CT_small.dcm"][:-900]])


@pytest.mark.skipif(not shutil.which("unzip"), reason="unzip is not installed")
def test_unzip_opens_a_pack(packs: list[Path]) -> None:
    for path in packs:
        assert subprocess.run(["unzip", "-t", path], capture_output=True, check=False).returncode == 0


def test_the_manifest_names_facility_reception_and_every_file(packs: list[Path]) -> None:
    with ZipFile(packs[0]) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["facility"]["slug"] == "sakura"
        assert manifest["reception"]["operator"] == "A. Operator"
        assert manifest["reception"]["medium_serial"] == "CD-7"
        for file in manifest["files"]:
            content = archive.read(file["name"])
            assert (len(content), sha256(content).hexdigest()) == (file["length"], file["sha256"])


def test_what_reads_differently_is_not_stored(sakura: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    put = DirectoryPlace.put

    def flip(self: DirectoryPlace, name: str, source: Path, *, share: bool = False) -> None:
        put(self, name, source)
        path = Path(self.path(name))
        content = bytearray(path.read_bytes())
        content[5000] ^= 1
        path.write_bytes(content)

    monkeypatch.setattr(DirectoryPlace, "put", flip)
    with pytest.raises(DigestMismatch):
        store(sakura, CONTENTS)
    with as_facility(sakura):
        assert not Pack.objects.exists()
    assert sweep_dead_batches() == 1
    assert not [path for path in Path(_primary()).rglob("*") if path.is_file()]
