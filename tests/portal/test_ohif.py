"""OHIF below a facility's address: a small stand-in of its package, as npm would have it."""

import gzip
import io
import subprocess
import tarfile
from base64 import b64encode
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.facilities.models import Facility
from apps.portal import ohif_package
from tests.portal.pages import dicom, only_study, store, url

PUBLISHED = {
    "package/package.json": b"{}",
    "package/dist/index.html": b"<!doctype html>",
    "package/dist/app.bundle.0123456789abcdef.js": b'a();\n__webpack_require__.p = "/";\nb();',
    "package/dist/app.bundle.css": b"@font-face { src: url(/a34f.woff2) }",
    "package/dist/sw.js": b"keep everything",
    "package/dist/ort/model.js": b"network",
    "package/dist/0123456789abcdef.wasm": b"\0asm",
    "package/dist/../../../escaped.js": b"out",
}


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Path:
    """An npm that has the package, and where OHIF is installed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in PUBLISHED.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    def pack(command: list[str], cwd: Path, **_options: Any) -> Any:
        (cwd / "ohif-app.tgz").write_bytes(packed.getvalue())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("shutil.which", lambda _name: "npm")
    monkeypatch.setattr("subprocess.run", pack)
    monkeypatch.setattr(ohif_package, "SHA512", b64encode(sha512(packed.getvalue()).digest()).decode())
    settings.OHIF = tmp_path / "ohif"
    return settings.OHIF / ohif_package.VERSION


@pytest.fixture
def installed(npm: Path) -> Path:
    call_command("install_ohif", verbosity=0)
    return npm


def test_it_is_installed_by_npm_with_relative_addresses(installed: Path) -> None:
    names = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert names == {
        *("app.bundle.0123456789abcdef.js", "app.bundle.0123456789abcdef.js.gz", "app.bundle.css", "app.bundle.css.gz"),
        *("0123456789abcdef.wasm", "0123456789abcdef.wasm.gz"),
    }
    assert b'"/"' not in (installed / "app.bundle.0123456789abcdef.js").read_bytes()
    assert b"url(a34f.woff2)" in (installed / "app.bundle.css").read_bytes()
    assert [path.name for path in installed.parent.iterdir()] == [ohif_package.VERSION]
    assert not list(installed.parent.parent.rglob("escaped.js"))


def test_without_npm_or_with_another_package_it_is_said(npm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ohif_package, "SHA512", "other")
    with pytest.raises(CommandError, match="is not @ohif/app"):
        call_command("install_ohif")
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(CommandError, match="npm is not installed"):
        call_command("install_ohif")
    assert not npm.exists()


def test_every_page_of_it_is_its_page_and_looser_than_no_other(installed: Path, viewer: Client) -> None:
    for path in ("", "viewer?StudyInstanceUIDs=1.2.3", "notfound/other"):
        page = viewer.get(url("ohif") + path)
        assert b'src="/f/sakura/ohif/app.bundle.0123456789abcdef.js"' in page.content
        assert "'wasm-unsafe-eval'" in page["Content-Security-Policy"]
        assert "unsafe-eval" not in page["Content-Security-Policy"].replace("wasm-unsafe-eval", "")
        assert page["Cache-Control"] == "no-store"
    assert "unsafe" not in viewer.get(url("studies"))["Content-Security-Policy"]
    configuration = viewer.get(url("ohif_part", path="app-config.js")).content.decode()
    assert '"wadoRoot": "/f/sakura/dicom-web"' in configuration
    assert 'PUBLIC_URL = "/f/sakura/ohif/"' in configuration


def test_its_files_are_given_compressed_and_kept(installed: Path, viewer: Client) -> None:
    address = url("ohif_part", path="app.bundle.0123456789abcdef.js")
    content = (installed / "app.bundle.0123456789abcdef.js").read_bytes()
    plain: Any = viewer.get(address)
    packed: Any = viewer.get(address, headers={"Accept-Encoding": "br, gzip"})
    assert b"".join(plain.streaming_content) == gzip.decompress(b"".join(packed.streaming_content)) == content
    assert "immutable" in packed["Cache-Control"]
    assert packed["Content-Type"] == "text/javascript"
    style = url("ohif_part", path="app.bundle.css")
    again = viewer.get(style, headers={"If-None-Match": viewer.get(style)["ETag"]})
    assert (again.status_code, "immutable" in again["Cache-Control"]) == (304, False)


def test_nothing_beside_its_files_is_given(installed: Path, viewer: Client) -> None:
    (installed.parent / "secret.js").write_text("secret")
    (installed / "key.pem").write_text("secret")
    root = url("ohif")
    for path in (
        "../secret.js",
        "..%2Fsecret.js",
        "%2e%2e/secret.js",
        "key.pem",
        "/etc/passwd.js",
        "app.bundle.css.gz",
    ):
        assert viewer.get(root + path).status_code == 404, path


def test_a_study_is_opened_in_it_where_it_is_installed(
    npm: Path, sakura: Facility, viewer: Client, stranger: Client
) -> None:
    store(sakura, dicom())
    page = url("study", study_id=only_study(sakura).pk)
    assert (b"OHIF" in viewer.get(page).content, viewer.get(url("ohif")).status_code) == (False, 404)
    call_command("install_ohif", verbosity=0)
    assert b'href="/f/sakura/ohif/viewer?StudyInstanceUIDs=2.25.1"' in viewer.get(page).content
    assert stranger.get(url("ohif")).status_code == stranger.get(url("ohif", "nowhere")).status_code == 404
