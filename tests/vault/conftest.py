"""An empty vault for each test, and an S3 server for those that need one."""

import secrets
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import empty_folders
from tests.waiting import until_answered

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(autouse=True)
def empty_vault() -> None:
    """Tests that roll back leave their packs behind."""
    empty_folders()


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A moto server process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    until_answered(server, lambda: urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=2).close(), OSError)
    yield url
    server.terminate()
    server.wait(10)


@pytest.fixture
def s3_options(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    bucket = f"vault-{secrets.token_hex(4)}"
    boto3.client("s3", endpoint_url=s3_url).create_bucket(Bucket=bucket)
    return {"bucket_name": bucket, "endpoint_url": s3_url, "location": "packs"}
