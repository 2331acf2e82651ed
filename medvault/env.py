"""The environment of a MedVault installation, typed and checked once, when a process starts."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent


class Environment(BaseSettings):
    """Every variable MedVault reads; names are those of the environment, without a prefix."""

    model_config = SettingsConfigDict(case_sensitive=False, env_ignore_empty=True, hide_input_in_errors=True)

    medvault_home: Path = Field(
        PROJECT / "var", description="this host's own: spool, secrets, embedded services, cache"
    )
    medvault_shared: Path | None = Field(
        None, description="folder that all hosts share: keys, uploads, outputs, invoices; default: MEDVAULT_HOME"
    )
    port: int = Field(8000, ge=1, le=65535, description="HTTP port")
    bind_address: str = Field("127.0.0.1", description="where the web server listens; a proxy with TLS calls it there")
    debug: bool = Field(False, description="Django's debug pages; never in production")
    secret_key: SecretStr | None = Field(None, description="default: generated once in MEDVAULT_HOME")
    allowed_hosts: str = Field("localhost,127.0.0.1,[::1]", description="host names, separated by commas")
    public_url: str = Field("", description="address the users see, e.g. https://vault.example; default: loopback")
    database_url: str | None = Field(
        None, description="postgresql://medvault_facility:…@host[,standby]/db?sslmode=…; default: embedded"
    )
    database_owner_url: str | None = Field(None, description="the same database as medvault_owner, for migrations")
    database_admin_url: str | None = Field(None, description="a role that may create roles, for bootstrap alone")
    redis_url: str | None = Field(None, description="redis://host:port/0; default: embedded")
    vault_primary: str | None = Field(None, description="folder or s3://bucket/prefix?endpoint_url=…")
    vault_replica: str | None = Field(None, description="folder or s3://bucket/prefix?endpoint_url=…")
    email_url: str | None = Field(None, description="smtp[s]://user:password@host:port; default: files")
    email_from: str = Field("MedVault <no-reply@localhost>", description="sender of all mail")
    staff_second_factor: bool = Field(True, description="the admin asks for a second factor; off for the demonstration")
    trusted_proxies: int = Field(0, ge=0, le=9, description="proxies before the web server that set X-Forwarded-For")
    dicom_port: int = Field(11112, ge=1, le=65535, description="port of the DICOM gateway")
    dicom_tls_port: int | None = Field(None, ge=1, le=65535, description="port of the gateway with TLS; 2762 is usual")
    dicom_tls_authorities: Path | None = Field(
        None, description="PEM file of further authorities whose certificates terminals may have"
    )
    dicom_ae_title: str = Field("MEDVAULT", min_length=1, max_length=16, description="the gateway's AE title")
    dicom_max_associations: int = Field(200, ge=1, le=5000, description="open at a time")
    dicom_max_associations_per_peer: int = Field(32, ge=1, le=5000, description="open at a time from one address")
    stripe_api_key: SecretStr | None = Field(None, description="secret or restricted key; default: no cards are taken")
    stripe_webhook_secret: SecretStr | None = Field(None, description="whsec_…, of the endpoint /webhooks/stripe/")
    stripe_api_base: str = Field("https://api.stripe.com", description="another address for tests alone")
    fixity_days: int = Field(30, ge=1, le=3650, description="every pack is read again, in both places, within so long")
    fixity_run_bytes: int = Field(20_000_000_000, ge=1, description="read at most by one run of verifying")
    fixity_run_seconds: int = Field(60, ge=1, le=1800, description="after which a run begins no further pack")
    billing_grace_days: int = Field(
        3, ge=0, le=60, description="invoices stay drafts so long before they are finalized"
    )
    billing_auto_finalize: bool = Field(False, description="finalize drafts after that by ourselves, without staff")
    api_token_requests: int = Field(600, ge=1, description="of the REST API a minute, by one token")
    api_person_requests: int = Field(600, ge=1, description="a minute, by one person")
    api_facility_requests: int = Field(3000, ge=1, description="a minute, by all tokens and people of a facility")
    api_address_requests: int = Field(120, ge=1, description="a minute, by one address that enrols")
    web_workers: int = Field(2, ge=1, le=64, description="processes of the web server, of eight threads each")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="of our own loggers")
    log_format: Literal["json", "line"] | None = Field(None, description="default: lines on a terminal, JSON elsewhere")
    metrics_token: SecretStr | None = Field(
        None, min_length=16, description="Bearer token of /metrics; default: loopback alone may read it"
    )
    webhooks_anywhere: bool = Field(
        False, description="webhooks may be http and private addresses; for tests and the demonstration alone"
    )

    @field_validator("medvault_home", "medvault_shared")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().resolve()

    @field_validator("database_url", "database_owner_url", "database_admin_url")
    @classmethod
    def _postgresql(cls, value: str | None) -> str | None:
        if value is None:
            return None
        _require_scheme(value, {"postgresql", "postgres"})
        try:
            ports = str(conninfo_to_dict(value).get("port") or "5432").split(",")  # libpq's own reading, of many hosts
        except psycopg.ProgrammingError:
            raise ValueError("is not a URL that PostgreSQL's clients understand") from None
        if not all(port.isdigit() or not port for port in ports):
            raise ValueError("has a port that is no number")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        return _checked_url(value, {"redis", "rediss"})

    @field_validator("email_url")
    @classmethod
    def _smtp(cls, value: str | None) -> str | None:
        return _checked_url(value, {"smtp", "smtps"})

    @model_validator(mode="after")
    def _two_places(self) -> Self:
        if self.vault_primary and self.vault_primary == self.vault_replica:
            raise ValueError("VAULT_PRIMARY and VAULT_REPLICA are the same place; two copies need two places")
        return self


def _checked_url(value: str | None, schemes: set[str]) -> str | None:
    if value is None:
        return None
    _require_scheme(value, schemes)
    _ = urlsplit(value).port  # raises on a malformed port
    return value


def _require_scheme(value: str, schemes: set[str]) -> None:
    if value.partition("://")[0] not in schemes:
        raise ValueError(f"is not a URL that starts with one of: {', '.join(sorted(f'{s}://' for s in schemes))}")


def read_environment() -> Environment:
    """The checked environment; a malformed value ends the process with one sentence for each."""
    try:
        return Environment()
    except ValidationError as error:
        sentences = []
        for fault in error.errors(include_input=False, include_url=False):
            name = ".".join(map(str, fault["loc"])).upper()
            sentences.append(f"MedVault cannot start: {name} {fault['msg']}".replace("  ", " "))
        raise SystemExit("\n".join(sentences)) from None
