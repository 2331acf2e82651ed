"""Orthanc as a clinic's node, where Debian's package is installed."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from tests.waiting import until_answered


@dataclass(frozen=True)
class Orthanc:
    url: str
    dicom_port: int

    def call(self, path: str, body: Any = None, *, method: str = "") -> Any:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method or ("POST" if data else "GET"))
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None


DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@contextmanager
def running(folder: Path, *, medvault_port: int = 0, **configuration: Any) -> Iterator[Orthanc]:
    """AE title CLINIC; knows MedVault as `medvault`."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("Orthanc is not installed")
    http_port, dicom_port = free_port(), free_port()
    medvault = {
        "AET": "MEDVAULT", "Host": "127.0.0.1", "Port": medvault_port, "AllowStorageCommitment": True,
        "AllowEcho": True, "AllowFind": True, "AllowGet": True, "AllowMove": True, "AllowStore": True,
        "AllowNAction": True, "AllowNEventReport": True,
    }  # fmt: skip
    settings = {
        "StorageDirectory": str(folder / "orthanc"), "IndexDirectory": str(folder / "orthanc"), "HttpPort": http_port,
        "DicomPort": dicom_port, "DicomAet": "CLINIC", "AuthenticationEnabled": False, "RemoteAccessAllowed": False,
        "DicomModalities": {"medvault": medvault}, "DicomAlwaysAllowEcho": True, "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True, "SaveJobs": False,
        "Plugins": [str(DICOMWEB)], "DicomWeb": {"Enable": True},
    }  # fmt: skip
    path = folder / "orthanc.json"
    path.write_text(json.dumps(settings | configuration))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(path)], stdout=log, stderr=log, cwd=folder)
    orthanc = Orthanc(f"http://127.0.0.1:{http_port}", dicom_port)
    try:
        until_answered(process, lambda: orthanc.call("/system"), urllib.error.URLError)
        yield orthanc
    finally:
        process.terminate()
        process.wait(30)
