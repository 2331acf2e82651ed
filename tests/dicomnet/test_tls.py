"""TLS: the certificate decides which terminal, and thereby which facility, is calling."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.models import Instance
from apps.dicomnet import certificates
from apps.dicomnet.certificates import issue_certificate
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.dicomnet.conftest import Gateway, registered, run_dcmtk
from tests.dicomnet.test_storing import path_of
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("committed_db")


@dataclass
class Secured:
    port: int
    plain_port: int

    def run(self, program: str, folder: Path | None, *arguments: str, ae: str = "CT1") -> int:
        if folder:
            tls = [
                "+tls",
                str(folder / "key.pem"),
                str(folder / "certificate.pem"),
                "+cf",
                str(folder / "authority.pem"),
            ]
        else:
            tls = ["+tla", "-ic"]
        return run_dcmtk(
            program, *tls, "-aet", ae, "-aec", "MEDVAULT", "127.0.0.1", str(self.port), *arguments
        ).returncode  # fmt: skip


@pytest.fixture
def secured(start_gateway: Callable[..., Gateway]) -> Secured:
    port = free_port()
    return Secured(port, start_gateway(DICOM_TLS_PORT=str(port)).port)


def issued(facility: Facility, ae_title: str, folder: Path) -> Path:
    registered(facility, ae_title, address="192.0.2.1")
    call_command("issue_dicom_certificate", facility.slug, ae_title, str(folder), verbosity=0)
    return folder


def test_a_terminal_stores_with_its_certificate_from_anywhere(
    secured: Secured, sakura: Facility, lindenhof: Facility, tmp_path: Path
) -> None:
    folder = issued(sakura, "CT1", tmp_path / "ct1")
    assert secured.run("echoscu", folder) == 0
    assert secured.run("storescu", folder, str(path_of("CT_small.dcm"))) == 0
    with as_facility(sakura):
        until(Instance.objects.exists)
    with as_facility(lindenhof):
        assert not Instance.objects.exists()


def test_another_facilitys_certificate_does_not_open_this_one(
    secured: Secured, sakura: Facility, lindenhof: Facility, tmp_path: Path
) -> None:
    issued(sakura, "CT1", tmp_path / "ct1")
    theirs = issued(lindenhof, "MR1", tmp_path / "mr1")
    assert secured.run("echoscu", theirs, ae="CT1") != 0
    assert secured.run("echoscu", theirs, ae="MR1") == 0


def test_who_has_no_certificate_or_one_of_another_authority_is_refused(
    secured: Secured, sakura: Facility, tmp_path: Path, settings: Any
) -> None:
    issued(sakura, "CT1", tmp_path / "ct1")
    assert secured.run("echoscu", None) != 0
    settings.KEYS = tmp_path / "keys"
    terminal = registered(sakura, "CT2", address="192.0.2.2")
    foreign = issue_certificate(terminal, actor=SYSTEM, now=timezone.now())
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "key.pem").write_bytes(foreign.key)
    (folder / "certificate.pem").write_bytes(foreign.certificate)
    (folder / "authority.pem").write_bytes((tmp_path / "ct1" / "authority.pem").read_bytes())
    assert secured.run("echoscu", folder, ae="CT2") != 0


def test_a_replaced_certificate_ends_the_one_before(secured: Secured, sakura: Facility, tmp_path: Path) -> None:
    before = issued(sakura, "CT1", tmp_path / "before")
    call_command("issue_dicom_certificate", "sakura", "CT1", str(tmp_path / "after"), verbosity=0)
    assert secured.run("echoscu", before) != 0
    assert secured.run("echoscu", tmp_path / "after") == 0


def test_the_key_can_be_read_by_its_user_alone(sakura: Facility, tmp_path: Path) -> None:
    folder = issued(sakura, "CT1", tmp_path / "ct1")
    assert (folder / "key.pem").stat().st_mode & 0o077 == 0
    assert certificates.CERTIFICATE_LASTS.days < 826
