"""The end of a study: found by the sweep, decided, deleted through the gate, certified."""

from datetime import date

import jwt
import pytest
from django.conf import settings
from django.test import Client

from apps.audit.models import Event
from apps.audit.signing import checked
from apps.catalog.models import Instance, NamePart, Patient, Study
from apps.collection.models import ReceivedFile
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.certificate_document import certificate_pdf
from apps.retention.certificates import TYP
from apps.retention.models import Disposition, OnExpiry, State
from apps.retention.sweep import sweep
from apps.vault.models import Pack
from tests.retention.stories import agreed, dispositions, in_force, retention_of, stored

pytestmark = pytest.mark.usefixtures("committed_db")


def packs_on_disk() -> list[str]:
    return sorted(
        path.name for place in ("primary", "replica") for path in (settings.HOME / "vault" / place).rglob("*.zip")
    )


def test_a_study_that_has_expired_is_deleted_in_both_places_and_certified(lindenhof: Facility) -> None:
    in_force("de-diag")
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    study = stored(lindenhof, PatientBirthDate="19500101", PatientName="Invented^Person")
    assert retention_of(study).kept_until == date(2014, 1, 19)
    assert len(packs_on_disk()) == 2
    sweep()
    [done] = dispositions()
    assert done.state == State.DELETED
    assert packs_on_disk() == []
    with as_center():
        for model in (Study, Instance, Patient, NamePart, Pack):
            assert not model.objects.exists()
        received = ReceivedFile.objects.get()
        assert (received.source_name, received.instance_id, received.pack_id) == ("", None, None)
        assert Event.objects.filter(action="study.deleted").count() == 1
    claims = checked(done.certificate, typ=TYP)
    assert claims["study_instance_uid"] == study.study_instance_uid
    assert claims["packs"][0]["files"][0]["sha256"] == bytes(received.sha256).hex()
    assert "Invented" not in done.certificate
    assert "Invented" not in str(done.__dict__)


def test_the_certificate_is_a_document_with_the_signed_word_within(lindenhof: Facility) -> None:
    in_force("de-diag")
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    stored(lindenhof, PatientBirthDate="19500101")
    sweep()
    with as_center():
        done = Disposition.objects.select_related("facility").get()
        pdf = certificate_pdf(done)
    assert pdf.startswith(b"%PDF-1.7")
    assert b"pdfaid:part>3<" in pdf.replace(b" ", b"")
    assert b"certificate.jws" in pdf
    with as_center():
        assert certificate_pdf(done) == pdf


def test_any_jose_library_checks_the_certificate(lindenhof: Facility, client: Client) -> None:
    in_force("de-diag")
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    stored(lindenhof, PatientBirthDate="19500101")
    sweep()
    [done] = dispositions()
    keys = jwt.PyJWKSet.from_dict(client.get("/.well-known/medvault-jwks.json").json())
    key = keys[jwt.get_unverified_header(done.certificate)["kid"]]
    claims = jwt.decode(done.certificate, key, algorithms=["EdDSA"])
    assert claims["confirmed_absent"] == ["primary", "replica"]
    forged = done.certificate.replace(".", ".A", 1)
    with pytest.raises(jwt.InvalidTokenError):
        jwt.decode(forged, key, algorithms=["EdDSA"])
