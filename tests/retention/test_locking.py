"""Object Lock: the bucket itself refuses to delete before the floors have passed; whether it does is tried."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.locking import lock_packs
from apps.retention.models import OnExpiry, State
from apps.retention.sweep import sweep
from apps.vault.models import Pack
from apps.vault.object_lock import Probe, probe_locks
from apps.vault.places import BucketPlace, place
from tests.retention.stories import agreed, dispositions, image, in_force, store, stored
from tests.vault.conftest import CREDENTIALS, s3_url

__all__ = ["s3_url"]
pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}


@pytest.fixture(params=[True])
def bucket(request: pytest.FixtureRequest, s3_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The primary in a bucket, with Object Lock or without; the replica in a folder."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3_url)
    name = f"locked-{os.urandom(4).hex()}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=request.param)
    options = {"bucket_name": name, "endpoint_url": s3_url, "location": "packs"}
    settings.STORAGES = settings.STORAGES | {
        "primary": {"BACKEND": "apps.vault.places.BucketPlace", "OPTIONS": options}
    }
    return boto3.resource("s3", endpoint_url=s3_url).Bucket(name)


def only_object(bucket: Any) -> Any:
    [found] = bucket.objects.filter(Prefix="packs/")
    return found.Object()


def test_a_pack_is_locked_until_its_floor_has_passed_everywhere(lindenhof: Facility, bucket: Any) -> None:
    in_force("de-diag")
    stored(lindenhof, timezone.now().date(), **BORN)
    assert lock_packs() == 1
    assert lock_packs() == 0
    found = only_object(bucket)
    ends = timezone.now().date().replace(year=timezone.now().year + 10) + timedelta(days=1)
    assert found.object_lock_mode == "COMPLIANCE"
    assert found.object_lock_retain_until_date == datetime(ends.year, ends.month, ends.day, 12, tzinfo=UTC)
    with pytest.raises(ClientError, match="AccessDenied"):
        found.Version(found.version_id).delete()


def test_a_lock_is_lengthened_with_the_floor_and_late_images_are_locked_too(lindenhof: Facility, bucket: Any) -> None:
    in_force("de-diag")
    study = stored(lindenhof, timezone.now().date(), **BORN)
    lock_packs()
    before = only_object(bucket).object_lock_retain_until_date
    agreed(lindenhof, minimum_period="P20Y")
    store(lindenhof, image(StudyInstanceUID=study.study_instance_uid, StudyDate=f"{timezone.now():%Y%m%d}", **BORN))
    assert lock_packs() == 2
    ends = {found.Object().object_lock_retain_until_date for found in bucket.objects.filter(Prefix="packs/")}
    assert len(ends) == 1
    assert min(ends) > before
    with as_center():
        assert not Pack.objects.filter(locked_until=None).exists()


def test_what_is_locked_for_too_long_waits_and_is_not_certified(lindenhof: Facility, bucket: Any) -> None:
    in_force("de-diag")
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    stored(lindenhof, **BORN)
    with as_center():
        [pack] = Pack.objects.all()
    place("primary").lock_until(pack.name, timezone.now() + timedelta(days=1))
    sweep()
    [waiting] = dispositions()
    assert (waiting.state, waiting.certificate) == (State.DELETING, "")
    assert "could not be removed" in waiting.problem


@pytest.mark.parametrize("bucket", [True, False], indirect=True)
def test_no_version_of_what_was_deleted_is_left(lindenhof: Facility, bucket: Any) -> None:
    in_force("de-diag")
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    stored(lindenhof, **BORN)
    lock_packs()
    sweep()
    assert [each.state for each in dispositions()] == [State.DELETED]
    left = [each.object_key for each in bucket.object_versions.filter(Prefix="packs/")]
    assert [key for key in left if not key.startswith("packs/certificates/")] == []
    assert len(left) == 1, "the certificate, by which a restored center knows that it was deleted"


def test_a_server_that_shortens_locks_is_reported(bucket: Any, caplog: pytest.LogCaptureFixture) -> None:
    """This S3 server refuses to delete what is locked, but lets a lock be shortened."""
    [probe] = probe_locks(now=timezone.now())
    assert (probe.refuses_deletion, probe.refuses_shortening, probe.holds) == (True, False, False)
    assert "shortens what is locked" in caplog.text
    with pytest.raises(CommandError):
        call_command("check_object_lock", verbosity=0)


def test_a_server_that_accepts_a_lock_and_deletes_is_reported(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BucketPlace, "lock_until", lambda *_args: True)
    [probe] = probe_locks(now=timezone.now())
    assert not probe.refuses_deletion
    assert probe.problem == "The primary says that it has Object Lock, but deletes and shortens what is locked"


@pytest.mark.parametrize("bucket", [False], indirect=True)
def test_a_bucket_without_lock_is_no_problem(bucket: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe_locks(now=timezone.now()) == [Probe("primary", has_lock=False)]
    call_command("check_object_lock")
    assert "has no Object Lock" in capsys.readouterr().out


def test_folders_lock_nothing_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert lock_packs() == 0
    call_command("check_object_lock")
    assert "folders" in capsys.readouterr().out
