"""The client of docs/examples, against the web server as an installation runs it, on a connection that breaks."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from apps.accounts.models import User
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.orders.models import Order
from medvault.env import PROJECT
from tests.orders.stories import fulfil, may_order
from tests.portal.pages import dicom, store


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PROJECT / "docs" / "examples"))
    import medvault_client

    return medvault_client


class Breaking(httpx.BaseTransport):
    """Loses every second answer to a write, and breaks downloads off in the middle."""

    def __init__(self) -> None:
        self.inner, self.lost, self.broken = httpx.HTTPTransport(), 0, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        if request.method == "POST" and "orders" in request.url.path and self.lost % 2 == 0:
            answer.read()
            self.lost += 1
            raise httpx.ReadError("the answer was lost")
        self.lost += request.method == "POST"
        if request.url.path.endswith("/output/") and self.broken < 2 and answer.status_code < 300:
            self.broken += 1
            return httpx.Response(answer.status_code, headers=answer.headers, stream=Cut(answer))
        return answer


class Cut(httpx.SyncByteStream):
    """The first part of an answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield self.answer.read()[:700]
        raise httpx.ReadError("the connection broke")


def test_it_searches_orders_and_downloads_whatever_gets_lost(
    address: str, example: Any, sakura: Facility, token_for: Callable[..., str], person: Callable[..., User],
    tmp_path: Path,
) -> None:  # fmt: skip
    store(sakura, *(dicom(number) for number in range(1, 4)), dicom(9, PatientName="Sato^Ken"))
    may_order(sakura)
    staff = person("staff@center.example", is_staff=True)
    token = token_for(sakura, Scope.READ, Scope.ORDERS_READ, Scope.ORDERS_PLACE)
    breaking = Breaking()
    with example.Vault(address, facility="sakura", token=token, transport=breaking) as vault:
        found = [study["study_instance_uid"] for study in vault.search(page=2, patient_name="Mori*")]
        assert sorted(found) == ["2.25.1", "2.25.2", "2.25.3"]
        made = vault.order("download", found)
        assert (made["state"], breaking.lost > 2) == ("requested", True)
        with as_center():
            order = Order.objects.select_related("facility").get()  # one, whatever was sent twice
        fulfil(order, staff)
        target = tmp_path / "images.zip"
        digest = vault.download(vault.dispatched(made["uid"]), target)
        assert (digest, breaking.broken) == (sha256(target.read_bytes()).hexdigest(), 2)
        with ZipFile(target) as archive:
            assert archive.testzip() is None
        assert sorted(path.name for path in tmp_path.iterdir()) == ["images.zip"]
        assert [each["number"] for each in vault.orders()] == [made["number"]]
        changes = list(vault.changes())
        assert len([each for each in changes if each["kind"] == "stored"]) == 4
        assert list(vault.changes(changes[-1]["cursor"])) == []
        with pytest.raises(example.Problem) as refused:
            vault.order("download", ["9.9"])
        assert (refused.value.status, refused.value.code) == (409, "nothing_chosen")
        with pytest.raises(example.Problem) as malformed:
            vault.order("download", [])
        assert "items" in malformed.value.errors
