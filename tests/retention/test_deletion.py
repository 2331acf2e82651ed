"""The end of a study: found by the sweep, decided, deleted through the gate, certified."""

from datetime import date

import pytest
from django.conf import settings

from apps.audit.models import Event
from apps.audit.signing import checked
from apps.catalog.models import Instance, NamePart, Patient, Study
from apps.collection.models import ReceivedFile
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.certificates import TYP
from apps.retention.models import OnExpiry, State
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
