"""TLS of the gateway (PS3.15, annex B): the center's own authority, its server's certificate, and its terminals'.

Who has a certificate of the authority's may talk; which terminal it is, the certificate's SHA-256 decides.
"""

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from apps.audit.record import Actor, record
from apps.collection.models import Terminal
from apps.core.key_files import key_files
from apps.facilities.tenancy import as_center

AUTHORITY_LASTS, CERTIFICATE_LASTS = timedelta(days=3650 * 2), timedelta(days=825)
_BACKDATED = timedelta(hours=1)  # clocks of terminals differ


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key and the authority's certificate, each in PEM."""

    certificate: bytes
    key: bytes
    authority: bytes


def server_context() -> ssl.SSLContext:
    """TLS as the gateway offers it: 1.2 or later, with certificates on both sides (BCP 195)."""
    names = sorted({"localhost", "127.0.0.1", urlsplit(settings.PUBLIC_URL).hostname or "localhost"})
    issued = _issue("MedVault DICOM gateway", names, ExtendedKeyUsageOID.SERVER_AUTH, now=datetime.now(UTC))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=issued.authority.decode())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    if settings.DICOM_TLS_AUTHORITIES:
        context.load_verify_locations(settings.DICOM_TLS_AUTHORITIES)
    _show(context, issued)
    return context


def client_context() -> ssl.SSLContext:
    """TLS as we call a node with it: 1.2 or later, its certificate of an authority that the machine or we know."""
    issued = _issue(settings.DICOM_AE_TITLE, [], ExtendedKeyUsageOID.CLIENT_AUTH, now=datetime.now(UTC))
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=issued.authority.decode())
    if settings.DICOM_TLS_AUTHORITIES:
        context.load_verify_locations(settings.DICOM_TLS_AUTHORITIES)
    _show(context, issued)
    return context


def issue_certificate(terminal: Terminal, *, actor: Actor, now: datetime) -> Issued:
    """A certificate for a terminal, which from now on is believed with it alone."""
    issued = _issue(f"{terminal.ae_title} {terminal.uid}", [], ExtendedKeyUsageOID.CLIENT_AUTH, now=now)
    certificate = x509.load_pem_x509_certificate(issued.certificate)
    with as_center():
        terminal.certificate_sha256 = certificate.fingerprint(hashes.SHA256())
        terminal.save(update_fields=["certificate_sha256"])
        record("terminal.certificate_issued", actor=actor, object_type="terminal", object_id=terminal.pk,
               facility_id=terminal.facility_id)  # fmt: skip
    return issued


def _show(context: ssl.SSLContext, issued: Issued) -> None:
    """Have the context show a certificate."""
    with tempfile.NamedTemporaryFile() as file:  # readable by us alone; the module takes files only
        file.write(issued.key + issued.certificate)
        file.flush()
        context.load_cert_chain(file.name)


def _issue(name: str, hosts: list[str], usage: x509.ObjectIdentifier, *, now: datetime) -> Issued:
    authority_pem = key_files(settings.KEYS, "dicom-tls", _new_authority)[-1].read_bytes()
    authority = x509.load_pem_x509_certificate(authority_pem)
    authority_key = serialization.load_pem_private_key(authority_pem, None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, authority.subject, key.public_key(), now, CERTIFICATE_LASTS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    return Issued(_pem(certificate), _key_pem(key), _pem(authority))


def _new_authority() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = "MedVault terminals"
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(name, subject, key.public_key(), datetime.now(UTC), AUTHORITY_LASTS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return (_key_pem(key) + _pem(builder.sign(key, hashes.SHA256()))).decode()


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lasts)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
