"""Patients' values are sent through every door that logs, and none of them is found in what was logged."""

import io
import json
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app, shared_task
from celery.app.trace import build_tracer
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.catalog.models import Patient
from apps.core import request_ids
from apps.dicomnet.serving import serve
from apps.facilities.models import Facility, Role, Scope
from medvault.logs.configuring import logging_settings
from medvault.logs.filters import WithoutValues
from medvault.logs.formats import Json, Line
from tests.dicomweb.stow_requests import CONTENT_TYPE, body
from tests.retention.stories import image, stored

NAME, NUMBER, BORN = "Geheim^Gertrud", "GEHEIM-4711", "19440401"
SECRETS = ("geheim", "gertrud", NUMBER.lower(), BORN)
ID = "0f3c2a64-5d9e-4f0e-8d51-0a1c5d3f9b77"


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """Everything that is logged as production logs it, in both forms."""
    stream, loggers = io.StringIO(), [logging.root, *map(logging.getLogger, ("apps", "medvault"))]
    levels = [logger.level for logger in loggers]
    handlers = []
    for formatter in (Json(), Line()):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        handler.addFilter(WithoutValues())
        handlers.append(handler)
    logging.root.handlers += handlers
    for logger in loggers:
        logger.setLevel("INFO")
    logging.captureWarnings(capture=True)
    yield stream.getvalue
    logging.captureWarnings(capture=False)
    for handler in handlers:
        logging.root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@shared_task
def breaks(what: str) -> None:
    raise ValueError(f"{what} of {NAME}") from KeyError(NUMBER)


@pytest.mark.usefixtures("committed_db")
def test_no_door_logs_what_it_was_sent(
    sakura: Facility, token_for: Callable[..., str], signed_in: Callable[..., Client], logged: Callable[[], str]
) -> None:
    headers = {"Authorization": f"Bearer {token_for(sakura, Scope.STORE, Scope.READ, Scope.CARE)}"}
    whole = image(PatientName=NAME, PatientID=NUMBER, PatientBirthDate=BORN)
    web = Client(raise_request_exception=False)
    member = signed_in("member@example.org", sakura=Role.OWNER)
    member.raise_request_exception = False
    # Images: whole, cut off, no DICOM at all, with a value that its type does not allow.
    for content in (whole, whole[:700], NAME.encode() * 99, image(PatientName=NAME, PatientAge=NAME)):
        web.post("/f/sakura/dicom-web/studies", body([content]), content_type=CONTENT_TYPE, headers=headers)
    # Addresses and queries, in places where there is a page and where there is none.
    for path in (
        f"/f/sakura/dicom-web/studies?PatientName={NAME}", f"/f/sakura/dicom-web/{NAME}", f"/{NAME}/{NUMBER}",
        f"/f/sakura/dicom-web/studies/{NUMBER}", f"/f/{NAME}/", f"/invitations/{NAME}/", f"/s/{NUMBER}/",
    ):  # fmt: skip
        web.get(path, headers=headers)
    web.get("/", headers={"Host": f"{NUMBER}.example", "X-Request-ID": NAME})
    member.get(reverse("portal:studies", args=["sakura"]), {"patient_name": NAME})
    # Files and JSON of care events.
    rows = f"patient_id,event,date\n{NUMBER},{NAME},{BORN}\n".encode()
    member.post(reverse("portal:note_care_events", args=["sakura"]), {"file": SimpleUploadedFile(f"{NAME}.csv", rows)})
    told = json.dumps([{"patient_id": NUMBER, "kind": NAME, "on": BORN}])
    web.post("/api/v1/f/sakura/care-events/", told, content_type="application/json", headers=headers)
    # The DICOM network: an association request that is cut, and one that is none.
    for message in (b"\1\0" + struct.pack(">I", 300) + NAME.encode().ljust(300), NAME.encode() * 9):
        with socket.create_server(("127.0.0.1", 0)) as server:
            ours = socket.create_connection(server.getsockname())
            theirs, _ = server.accept()
        thread = threading.Thread(target=serve, args=(theirs, "192.0.2.7", None, lambda: None))
        thread.start()
        with ours:
            ours.sendall(message)
            ours.shutdown(socket.SHUT_WR)
            thread.join(10)
    # A task that breaks.
    tracer = build_tracer(breaks.name, breaks, app=current_app)
    tracer("1", [NAME], {}, {"id": "1", "task": breaks.name, "args": (NAME,), "kwargs": {}, "hostname": "h"})
    found = logged()
    for expected in (
        "dicomweb",
        "unknown: 404",
        "ValueError",
        "KeyError",
        "An association of 192.0.2.7",
        "DisallowedHost",
    ):
        assert expected in found, expected
    assert [secret for secret in SECRETS if secret in found.lower()] == []


@pytest.mark.usefixtures("committed_db")
def test_an_error_of_ours_is_found_by_its_id_and_tells_nothing(
    sakura: Facility, signed_in: Callable[..., Client], logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(sakura, PatientName=NAME, PatientID=NUMBER)
    member = signed_in("member@example.org", sakura=Role.VIEWER)
    member.raise_request_exception = False

    def twice(*_: Any, **__: Any) -> None:
        """What a database says of a row that is there: its values."""
        patient = Patient.objects.get()
        patient.pk = None
        patient.save()

    monkeypatch.setattr("apps.portal.studies.render", twice)
    address = reverse("portal:studies", args=["sakura"])
    page = member.get(address, headers={"X-Request-ID": ID, "Accept": "text/html"})
    assert (page.status_code, page.headers["X-Request-ID"]) == (500, ID)
    assert ID in page.content.decode()
    machine = member.get(address, headers={"Accept": "application/json"})
    assert machine.json()["request_id"] == machine.headers["X-Request-ID"]
    lines = [json.loads(line) for line in logged().splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line.get("request_id") == ID and "errors" in line]
    assert line["errors"][0]["kind"].startswith("django.db.utils.IntegrityError")
    assert any("SQLSTATE 23505" in error["kind"] for error in line["errors"])
    assert any("test_logs.py" in frame for frame in line["errors"][0]["frames"])
    [access] = [line for line in lines if line.get("request_id") == ID and line["logger"] == "medvault.access"]
    assert {name: access[name] for name in ("method", "route", "status", "facility")} == {
        "method": "GET", "route": "portal:studies", "status": 500, "facility": "sakura",
    }  # fmt: skip
    assert not any(secret in logged().lower() for secret in SECRETS)


def test_an_id_goes_from_a_request_to_the_worker(services: None, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "kombu.Producer.publish", lambda _self, _body, headers=None, **_: published.append(dict(headers or {}))
    )
    with request_ids.entered(ID):
        breaks.delay("it")
    assert published[0]["request_id"] == ID
    seen = []

    @shared_task(name="tests.sees")
    def sees() -> None:
        seen.append(request_ids.current())

    build_tracer(sees.name, sees, app=current_app)("2", [], {}, published[0] | {"id": "2", "task": sees.name})
    assert seen == [ID]
    assert request_ids.current() == ""


@pytest.mark.parametrize("told", ["", "x" * 40, f"{ID}\nforged", NAME, "12345678"])
def test_an_id_that_is_none_is_replaced(client: Client, told: str) -> None:
    given = client.get("/healthz", headers={"X-Request-ID": told}).headers["X-Request-ID"]
    assert given != told
    assert len(given) == 32


def test_a_line_cannot_be_forged_and_json_is_one_line() -> None:
    record = logging.LogRecord("apps.x", logging.INFO, "", 1, "one\n2026 ERROR two", (), None)
    assert "\n" not in Line().format(record)
    assert json.loads(Json().format(record))["message"] == "one\n2026 ERROR two"


def test_debug_opens_no_library() -> None:
    """Libraries tell at that level what they send: names in queries, keys."""
    told = logging_settings("DEBUG", as_json=True)
    assert told["root"]["level"] == "INFO"
    assert told["loggers"]["apps"]["level"] == "DEBUG"
    assert told["loggers"]["httpx"]["level"] == "WARNING"
    assert settings.LOGGING_CONFIG == "medvault.logs.configuring.configure"
