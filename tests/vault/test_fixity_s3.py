"""Packs in S3 are verified and repaired like those in a folder; a bucket that does not answer damages nothing."""

from typing import Any

import boto3
import pytest
from botocore.config import Config

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.models import Pack
from apps.vault.packs import digest_of
from apps.vault.places import place
from tests.vault.damage import findings, flip, fresh, is_good, path_of, stored_packs, told, verify


@pytest.fixture
def bucket(s3_options: dict[str, Any], settings: Any) -> Any:
    """The replica, as whoever has its keys sees it."""
    settings.STORAGES = settings.STORAGES | {
        "replica": {"BACKEND": "apps.vault.places.BucketPlace", "OPTIONS": s3_options}
    }
    return boto3.resource("s3", endpoint_url=s3_options["endpoint_url"]).Bucket(s3_options["bucket_name"])


@pytest.fixture
def packs(sakura: Facility, bucket: Any) -> list[Pack]:
    return stored_packs(sakura, 3)


def test_an_object_with_other_bytes_is_repaired_and_kept_aside(bucket: Any, packs: list[Pack]) -> None:
    bucket.Object(f"packs/{packs[1].name}").put(Body=b"other bytes")
    assert verify().repaired == 1
    assert told(packs[1]) == {("replica", "truncated", "", "repaired")}
    assert digest_of(place("replica"), packs[1].name) == bytes(packs[1].sha256)
    assert bucket.Object(f"packs/damaged/{packs[1].name}").get()["Body"].read() == b"other bytes"
    assert fresh(packs[1]).verified_at is not None


def test_an_object_that_is_gone_is_repaired(bucket: Any, packs: list[Pack]) -> None:
    bucket.Object(f"packs/{packs[1].name}").delete()
    assert verify().repaired == 1
    assert told(packs[1]) == {("replica", "missing", "", "repaired")}


def test_the_primary_is_repaired_from_a_bucket(packs: list[Pack]) -> None:
    flip(path_of(packs[1], "primary"))
    assert verify().repaired == 1
    assert is_good(packs[1], "primary")


@pytest.mark.parametrize("how", ["no answer", "no bucket", "emptied"])
def test_a_bucket_that_is_not_available_damages_nothing(
    bucket: Any, packs: list[Pack], settings: Any, s3_options: dict[str, Any], how: str
) -> None:
    config = Config(retries={"max_attempts": 0}, connect_timeout=1)
    wrong: dict[str, dict[str, Any]] = {
        "no answer": {"endpoint_url": "http://127.0.0.1:9", "client_config": config},
        "no bucket": {"bucket_name": "another"},
        "emptied": {"location": "another"},
    }
    settings.STORAGES = settings.STORAGES | {
        "replica": {"BACKEND": "apps.vault.places.BucketPlace", "OPTIONS": s3_options | wrong[how]}
    }
    run = verify()
    assert "The replica is not available" in run.unavailable
    assert (run.packs, findings()) == (0, [])
    with as_center():
        assert not Pack.objects.filter(checked_at__isnull=False).exists()
