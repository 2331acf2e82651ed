"""Headers that the framework's parser would choke on, at the web server as an installation runs it."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

CONDITIONS = ';"' * 20_000


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Content-Type", f'multipart/related; a="{CONDITIONS}', 431),
        ("Accept", f'application/json; a="{CONDITIONS}', 431),
        ("Content-Type", "text/plain; charset*=no-such''x", 400),
        ("Accept", "text/html, application/json; a*=no-such''x", 400),
        ("Content-Type", "application/json; charset=bz2", 415),  # a codec that unpacks
        ("Content-Type", 'text/plain; charset="UNDEFINED"', 415),
        ("Content-Type", "application/json; Charset=UTF-8", 200),
        ("Accept", "text/html, application/json; a=it's", 200),
        ("Content-Type", "multipart/form-data; boundary=it's'mine'", 200),
    ],
)
def test_a_header_that_no_client_sends_is_refused_at_once(address: str, header: str, value: str, status: int) -> None:
    with_it = HTTPConnection(urlsplit(address).netloc, timeout=60)
    with_it.request("GET", "/healthz", headers={header: value})
    answer = with_it.getresponse()
    assert answer.status == status
    assert answer.read() if status == 200 else header.encode() in answer.read()
    with_it.close()


@pytest.mark.parametrize("path", ["/accounts/login/", "/f/sakura/dicom-web/studies", "/api/v1/enrol/"])
def test_a_form_that_would_fill_the_disk_is_refused_before_it_is_read(address: str, path: str) -> None:
    """Nobody has signed in: the answer comes although no more than the beginning was sent."""
    sent = HTTPConnection(urlsplit(address).netloc, timeout=60)
    sent.putrequest("POST", path)
    sent.putheader("Content-Type", "multipart/form-data; boundary=b")
    sent.putheader("Content-Length", str(2**40))
    sent.endheaders(b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"x" * 100_000)
    assert sent.getresponse().status == 413
    sent.close()
