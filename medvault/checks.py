"""What an installation must not go into production with, told by `manage.py check --deploy`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 Django's name
from psycopg.conninfo import conninfo_to_dict

from medvault.env import PROJECT, Environment

ENCRYPTED = {"require", "verify-ca", "verify-full"}
STRIPE = "https://api.stripe.com"


@register(Tags.security, deploy=True)
def production(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:  # noqa: ARG001 Django names it
    """Every way in which this environment is not one for production."""
    env = settings.ENV
    found = (_people, _copies, _money, _mail, _hosts, _wires, _files)
    return [message for check in found for message in check(env)]


def _people(env: Environment) -> Iterator[CheckMessage]:
    if not settings.SECURE:
        yield Error("PUBLIC_URL is not https://: sign-ins and images would travel in the clear", id="medvault.E001")
    if not env.staff_second_factor:
        yield Error("STAFF_SECOND_FACTOR is off: a stolen password would open every facility", id="medvault.E002")
    if settings.SECURE and not env.trusted_proxies:
        yield Error(
            "TRUSTED_PROXIES is 0 behind a proxy: lockout and audit trail would take every client for the proxy",
            hint="Say how many proxies append to X-Forwarded-For; it is 1 for deploy/nginx.conf", id="medvault.E003",
        )  # fmt: skip


def _copies(_: Environment) -> Iterator[CheckMessage]:
    primary, replica = (_medium(settings.STORAGES[alias]["OPTIONS"]) for alias in ("primary", "replica"))
    if primary == replica:
        yield Error(
            f"VAULT_PRIMARY and VAULT_REPLICA lie on the same {primary[0]}: what destroys one copy destroys both",
            hint="Name another disk, or a bucket elsewhere", id="medvault.E004",
        )  # fmt: skip


def _money(env: Environment) -> Iterator[CheckMessage]:
    if not env.stripe_api_key:
        return
    if env.stripe_api_base != STRIPE:
        yield Error("STRIPE_API_BASE is not Stripe's: cards would be charged nowhere", id="medvault.E005")
    if "_test_" in env.stripe_api_key.get_secret_value():
        yield Warning("STRIPE_API_KEY is one for tests: no card is really charged", id="medvault.W001")
    if not env.stripe_webhook_secret:
        yield Warning("STRIPE_WEBHOOK_SECRET is not set: what Stripe tells is refused", id="medvault.W002")


def _mail(env: Environment) -> Iterator[CheckMessage]:
    if env.email_url is None:
        yield Warning("EMAIL_URL is not set: mail is written to files and reaches nobody", id="medvault.W003")
    if "@localhost" in env.email_from:
        yield Warning("EMAIL_FROM is an address of localhost, which mail servers refuse", id="medvault.W004")


def _hosts(env: Environment) -> Iterator[CheckMessage]:
    if env.medvault_shared is None:
        return
    missing = {"SECRET_KEY": env.secret_key, "DATABASE_URL": env.database_url, "REDIS_URL": env.redis_url}
    for name in [name for name, value in missing.items() if value is None]:
        yield Error(
            f"MEDVAULT_SHARED is set, so there are several hosts: give all of them the same {name}", id="medvault.E006"
        )


def _wires(env: Environment) -> Iterator[CheckMessage]:
    told = conninfo_to_dict(env.database_url or "")
    if _is_remote(str(told.get("host") or "")) and told.get("sslmode") not in ENCRYPTED:
        yield Warning(
            "DATABASE_URL reaches another host without TLS: patients' data travels in the clear",
            hint="Append ?sslmode=verify-full&sslrootcert=…", id="medvault.W006",
        )  # fmt: skip
    parts = urlsplit(env.redis_url or "")
    if _is_remote(parts.hostname or "") and not (parts.scheme == "rediss" and parts.password):
        yield Warning("REDIS_URL reaches another host without TLS or without a password", id="medvault.W007")


def _files(env: Environment) -> Iterator[CheckMessage]:
    if env.medvault_home.is_relative_to(PROJECT):
        yield Warning("MEDVAULT_HOME lies in the program's folder, which an update replaces", id="medvault.W005")
    secrets = [env.medvault_home / "secrets.json", *settings.KEYS.glob("*-*")]
    for path in [path for path in secrets if path.exists() and path.stat().st_mode & 0o077]:
        yield Error(f"{path} can be read by others: chmod 600", id="medvault.E007")


def _medium(options: dict[str, Any]) -> tuple[str, object]:
    """What a place lies on: a disk, by the folder that there is, or a bucket."""
    if "bucket_name" in options:
        return "bucket", (options.get("endpoint_url"), options["bucket_name"])
    folder = Path(options["location"])
    while not folder.exists():
        folder = folder.parent
    return "disk", os.stat(folder).st_dev  # noqa: PTH116


def _is_remote(hosts: str) -> bool:
    return any(
        host not in {"", "localhost", "127.0.0.1", "::1"} and not host.startswith("/") for host in hosts.split(",")
    )
