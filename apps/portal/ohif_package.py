"""OHIF, a DICOM viewer that others make (MIT), as npm has it built: installed on request, and nothing needs it.

Its files stay as published, but that addresses in them are relative to where they lie: OHIF is built for the root of a
server, and here each facility has it below its own address.
"""

import gzip
import shutil
import subprocess
import tarfile
from base64 import b64encode
from functools import cache
from hashlib import sha512
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from apps.core.errors import DomainError

PACKAGE, VERSION = "@ohif/app", "3.13.2"
SHA512 = "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
COMPRESSED = {".js", ".css", ".json", ".wasm", ".svg"}
_FILES = "package/dist/"
# Neural networks, which it would fetch from elsewhere; its study list's service worker, which would keep pages.
_LEFT_OUT = ("ort/", "sw.js", "init-service-worker.js", "app-config.js", "google.js")
_RELATIVE = {
    ".js": [
        (
            b'__webpack_require__.p = "/";',
            b'__webpack_require__.p = new URL("./", self.document?.currentScript?.src ?? self.location).href;',
        ),
        (b"browserImportFunction('/", b"browserImportFunction(window.PUBLIC_URL + '"),
    ],
    ".css": [(b"url(/", b"url(")],
}  # fmt: skip


class OhifNotInstallable(DomainError):
    """OHIF could not be installed; everything else works without it."""

    code = "ohif_not_installable"


def files() -> dict[str, Path]:
    """What is installed, by its address below that of OHIF; nothing where it is not."""
    folder = _folder()
    return _files_in(folder) if folder.is_dir() else {}


def entry() -> str:
    """The script with which OHIF begins."""
    return next(name for name in files() if name.startswith("app.bundle.") and name.endswith(".js"))


def install() -> Path:
    """Fetch the package by npm and lay its files out; what is there already stays. Raises OhifNotInstallable."""
    folder = _folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as passing:
        package, laid_out = _fetched(Path(passing)), Path(passing) / "files"
        with tarfile.open(package) as archive:
            for member in archive:
                name = member.name.removeprefix(_FILES)
                content = archive.extractfile(member) if name != member.name else None
                is_wanted = (
                    Path(name).suffix in TYPES and not name.startswith(_LEFT_OUT) and ".." not in Path(name).parts
                )
                if content and is_wanted:
                    _lay_out(laid_out / name, content.read())
        laid_out.rename(folder)
    return folder


def _folder() -> Path:
    return Path(settings.OHIF) / VERSION


@cache
def _files_in(folder: Path) -> dict[str, Path]:
    found = (path for path in folder.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(folder).as_posix(): path for path in found}


def _fetched(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise OhifNotInstallable("npm is not installed; OHIF comes from there (Debian: npm). Nothing else needs it")
    pack = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(folder), "--silent"]
    done = subprocess.run(pack, cwd=folder, capture_output=True, text=True, check=False)
    package = next(folder.glob("*.tgz"), None)
    if done.returncode or package is None:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise OhifNotInstallable(f"npm could not fetch {PACKAGE} {VERSION}: {last}")
    if b64encode(sha512(package.read_bytes()).digest()).decode() != SHA512:
        raise OhifNotInstallable(f"What npm fetched is not {PACKAGE} {VERSION} as it was published")
    return package


def _lay_out(path: Path, content: bytes) -> None:
    """Write a file, and beside it its compressed form where that is shorter."""
    for absolute, relative in _RELATIVE.get(path.suffix, []):
        content = content.replace(absolute, relative)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if path.suffix in COMPRESSED:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, 6, mtime=0))
