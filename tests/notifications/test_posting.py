"""One POST to an address that somebody else chose: what a hostile or broken one can do, which is little."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.notifications import posting
from apps.notifications.posting import is_acceptable, is_public, post
from tests.notifications.listener import listening
from tests.ports import free_port

BODY, HEADERS = b'{"type":"webhook.test"}', {"webhook-id": "msg_1"}


@pytest.fixture
def anywhere(settings: Any) -> None:
    settings.WEBHOOKS_ANYWHERE = True


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        *((address, False) for address in (
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1",
            "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808",
            "::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1",
        )),
    ],
)  # fmt: skip
def test_public_addresses_are_told_from_all_others(address: str, *, expected: bool) -> None:
    assert is_public(address) is expected


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "ftp://hooks.example/", "https://", "https://user:secret@hooks.example/",
        "https://hooks.example:99999/", "https://hooks.example/#part", "//hooks.example/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_addresses_without_tls_or_with_a_password_are_not_taken(url: str) -> None:
    assert not is_acceptable(url)
    assert post(url, BODY, HEADERS).problem == "The address is not a public one"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "127.1", "[::ffff:7f00:1]"]
)
def test_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    with listening() as listener:
        port = listener.url.rpartition(":")[2]
        answer = post(f"https://{host}:{port}/", BODY, HEADERS)
    assert (answer.status, answer.is_taken) == (None, False)
    assert answer.problem in {"The address is not a public one", "No connection"}  # what no resolver takes
    assert listener.heard == []


def test_a_name_that_changes_its_mind_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, connected = [], []

    def rebinding(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(where: tuple[str, int], _timeout: float) -> socket.socket:
        connected.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert post("https://hooks.example/", BODY, HEADERS).problem == "No connection"
    assert connected == [("93.184.216.34", 443)]
    assert post("https://hooks.example/", BODY, HEADERS).problem == "The address is not a public one"
    assert len(connected) == 1


def test_a_name_of_which_any_address_is_private_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: both)
    assert post("https://hooks.example/", BODY, HEADERS).problem == "The address is not a public one"


def test_redirects_are_not_followed(anywhere: None) -> None:
    with listening() as listener:
        answer = post(f"{listener.url}/elsewhere", BODY, HEADERS)
    assert (answer.status, answer.is_taken) == (307, False)
    assert [path for path, _headers, _body in listener.heard] == ["/elsewhere"]


@pytest.mark.parametrize("path", ["/drips", "/big"])
def test_neither_slow_nor_endless_answers_keep_a_worker(
    path: str, anywhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "WITHIN_S", 1.0)
    begun = monotonic()
    with listening() as listener:
        answer = post(f"{listener.url}{path}", BODY, HEADERS)
    assert monotonic() - begun < 5
    assert answer.is_taken is (path == "/big")
    assert answer.problem == ("" if path == "/big" else "No answer within 1 seconds")


def test_nobody_listening_is_told_so(anywhere: None) -> None:
    assert post(f"http://127.0.0.1:{free_port()}/", BODY, HEADERS).problem == "No connection"
    assert post("http://no-such-name.invalid/", BODY, HEADERS).problem == "No connection"


def test_the_certificate_is_checked_for_the_name(
    anywhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with listening(context) as listener:
        assert post(listener.url, BODY, HEADERS).problem.startswith("TLS failed")
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
        assert post(listener.url, BODY, HEADERS).is_taken
        assert post(listener.url.replace("127.0.0.1", "localhost"), BODY, HEADERS).problem.startswith("TLS failed")
    [(_path, headers, body)] = listener.heard
    assert (headers["webhook-id"], headers["content-type"], body) == ("msg_1", "application/json", BODY)


def self_signed(folder: Path) -> Path:
    """Key and certificate of 127.0.0.1 in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file
