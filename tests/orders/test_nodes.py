"""Staff register receiving nodes: what could not be sent to is refused, and what opens a server is never shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.models import Node
from apps.orders.nodes import authorization_of
from tests.retention.workplace import in_group, page_address, shown

pytestmark = pytest.mark.django_db
DICOM = {"name": "North", "via": "dicom", "ae_title": "NORTH", "address": "north.example", "dicom_port": "104"}
WEB = {"name": "Web", "via": "web", "url": "https://pacs.example/dicom-web", "authorization": "Bearer s3cret"}


@pytest.fixture
def operator(signed_in: Callable[..., Client], settings: Any) -> Client:
    settings.STAFF_SECOND_FACTOR = False
    return in_group(signed_in, "operator")


def test_nodes_are_registered_and_what_opens_them_is_kept_sealed(operator: Client, sakura: Facility) -> None:
    address = reverse("admin:orders_node_add")
    for given in (DICOM, WEB):
        assert operator.post(address, {"facility": sakura.pk, "is_enabled": "on"} | given).status_code == 302
    with as_center():
        web = Node.objects.get(name="Web")
        assert [node.destination for node in Node.objects.order_by("pk")] == ["NORTH (north.example:104)", WEB["url"]]
    assert authorization_of(web) == "Bearer s3cret"
    assert b"s3cret" not in bytes(web.sealed_authorization or b"")
    assert "s3cret" not in shown(operator, page_address(web))
    operator.post(page_address(web), WEB | {"authorization": "", "is_enabled": "on"})
    with as_center():
        web.refresh_from_db()
    assert authorization_of(web) == "Bearer s3cret"


@pytest.mark.parametrize(
    "wrong",
    [
        DICOM | {"ae_title": ""}, DICOM | {"dicom_port": ""}, DICOM | {"dicom_port": "70000"},
        DICOM | {"url": WEB["url"]},
        WEB | {"url": ""}, WEB | {"address": "north.example"}, WEB | {"is_tls": "on"},
        DICOM | {"address": "169.254.169.254"}, WEB | {"url": "http://[fe80::1]/"}, WEB | {"url": "http://0.0.0.0/"},
        WEB | {"url": "http://[::ffff:169.254.169.254]/latest"}, WEB | {"url": "http://[64:ff9b::a9fe:a9fe]/"},
        WEB | {"url": "http://[2002:a9fe:a9fe::1]/"}, WEB | {"url": "http://[::169.254.169.254]/"},
        WEB | {"url": "file:///etc/passwd"},
    ],
)  # fmt: skip
def test_what_could_not_be_sent_to_is_refused(operator: Client, sakura: Facility, wrong: dict[str, str]) -> None:
    answer = operator.post(reverse("admin:orders_node_add"), {"facility": sakura.pk} | wrong)
    assert answer.status_code == 200
    with as_center():
        assert not Node.objects.exists()
