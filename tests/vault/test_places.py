"""Packs in a directory and in an S3 bucket behave alike; S3 is a real server process."""

import os
from pathlib import Path
from typing import Any

import pydicom.data
import pytest
from django.core.files.storage import storages
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Collection, Method, State
from apps.collection.reception import Reception
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.packs import sweep_dead_batches
from apps.vault.places import DirectoryPlace, Place, place
from apps.vault.spool import Batch

CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm"))).read_bytes()


@pytest.fixture(params=["directory", "bucket"])
def a_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    from apps.vault.places import BucketPlace

    if request.param == "directory":
        return DirectoryPlace(location=str(tmp_path / "place"))
    return BucketPlace(**request.getfixturevalue("s3_options"))


def test_a_pack_is_read_by_ranges(a_place: Place, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(content := os.urandom(3 << 20))
    a_place.put("1/ab/abc-1.zip", source)
    assert source.exists()
    assert a_place.read_at("1/ab/abc-1.zip", 1000, 50) == content[1000:1050]
    assert a_place.read_at("1/ab/abc-1.zip", len(content) - 5, 50) == content[-5:]
    assert a_place.read_at("1/ab/abc-1.zip", len(content) + 5, 50) == b""
    assert b"".join(a_place.pieces("1/ab/abc-1.zip", 7, 2 << 20)) == content[7 : 7 + (2 << 20)]


def test_names_are_found_by_prefix_and_removed(a_place: Place, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    for name in ("1/ab/abc-1.zip", "1/ab/abc-2.zip", "1/ab/abd-1.zip", "2/ab/abc-1.zip"):
        a_place.put(name, source)
    assert sorted(a_place.names("1/ab/abc-")) == ["1/ab/abc-1.zip", "1/ab/abc-2.zip"]
    a_place.remove("1/ab/abc-1.zip")
    a_place.remove("1/ab/abc-1.zip")
    assert a_place.names("1/ab/abc-") == ["1/ab/abc-2.zip"]
    assert a_place.names("9/zz/none-") == []


def test_a_missing_pack_is_named_as_such(a_place: Place) -> None:
    with pytest.raises(MissingPack):
        a_place.read_at("1/ab/none.zip", 0, 1)
    with pytest.raises(MissingPack):
        list(a_place.pieces("1/ab/none.zip", 0, 1))


def test_a_shared_file_stays_when_its_owner_drops_it(a_place: Place, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")
    a_place.put("1/ab/abc-1.zip", source, share=True)
    source.unlink()
    assert a_place.read_at("1/ab/abc-1.zip", 0, 7) == b"content"


def test_a_directory_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("a file is in the way")
    source = tmp_path / "source"
    source.write_bytes(b"content")
    with pytest.raises(VaultUnavailable):
        DirectoryPlace(location=str(tmp_path / "place")).put("1/ab/abc-1.zip", source, share=True)
    assert source.exists()


@pytest.mark.parametrize("which", ["primary", "replica", "both"])
def test_images_are_stored_in_s3(sakura: Facility, settings: Any, s3_options: dict[str, Any], which: str) -> None:
    s3 = {"BACKEND": "apps.vault.places.BucketPlace", "OPTIONS": s3_options}
    other = {"BACKEND": "apps.vault.places.BucketPlace", "OPTIONS": s3_options | {"location": "second"}}
    chosen = {"primary": {"primary": s3}, "replica": {"replica": s3}, "both": {"primary": s3, "replica": other}}[which]
    settings.STORAGES = settings.STORAGES | chosen
    assert type(storages["primary"]).__name__ == ("DirectoryPlace" if which == "replica" else "BucketPlace")
    reception = Reception(method=Method.MEDIA, actor=SYSTEM)
    now = timezone.now()
    with Batch(sakura.pk) as batch:
        intake = Intake(batch)
        intake.add([CT], "CT_small.dcm")
        store_batch(new_collection(sakura, reception, now=now), reception, intake, now=now, is_last=True)
    assert replicate_pending() == 1
    with as_facility(sakura):
        instance = Instance.objects.select_related("pack").get()
        with open_instance(instance) as file:
            assert file.read() == CT
    with as_center():
        assert Collection.objects.get().state == State.STORED
    for alias in ("primary", "replica"):
        assert place(alias).names(instance.pack.name) == [instance.pack.name]
    assert sweep_dead_batches() == 0
    assert list(settings.VAULT_SPOOL.iterdir()) == []


def test_an_unreachable_bucket_is_a_refusal(sakura: Facility, settings: Any, s3_options: dict[str, Any]) -> None:
    from botocore.config import Config

    dead = s3_options | {
        "endpoint_url": "http://127.0.0.1:9",
        "client_config": Config(retries={"max_attempts": 0}, connect_timeout=1),
    }
    settings.STORAGES = settings.STORAGES | {"primary": {"BACKEND": "apps.vault.places.BucketPlace", "OPTIONS": dead}}
    reception = Reception(method=Method.MEDIA, actor=SYSTEM)
    now = timezone.now()
    with Batch(sakura.pk) as batch:
        intake = Intake(batch)
        intake.add([CT], "CT_small.dcm")
        with pytest.raises(VaultUnavailable):
            store_batch(new_collection(sakura, reception, now=now), reception, intake, now=now, is_last=True)
    with as_center():
        assert not Instance.objects.exists()
