"""What an installation is made by: the checks, the documented environment, units, containers, proxies."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command, get_commands

from medvault.checks import production
from medvault.connections import database
from medvault.env import PROJECT, Environment
from medvault.processes import programs
from tests.installation.conftest import Manage

DEPLOY = PROJECT / "deploy"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or ""
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PRODUCTION = {
    "PUBLIC_URL": "https://vault.example",
    "TRUSTED_PROXIES": "1",
    "STAFF_SECOND_FACTOR": "true",
    "VAULT_REPLICA": "s3://replica/packs",
    "SECRET_KEY": "k7Dq0vT2cWm9uYx3RzA5sLb8NfJ1hGpE4iKoQwXy6ZrCtVnMsBd",
    "EMAIL_URL": "smtps://user:password@mail.example",
    "EMAIL_FROM": "MedVault <no-reply@vault.example>",
    "REDIS_URL": "rediss://:password@redis.example:6379/0",
}


@pytest.mark.usefixtures("django_db_setup")
def test_a_production_environment_is_clean(manage: Manage) -> None:
    """The database is asked, so that it is the tests' own, by its socket."""
    at = settings.DATABASES["default"]
    near = f"postgresql://{at['USER']}:{quote(at['PASSWORD'])}@/medvault?host={quote(at['HOST'], safe='')}"
    done = manage("check", "--deploy", "--fail-level", "WARNING", **(PRODUCTION | {"DATABASE_URL": near}))
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_dangerous_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*, secure: bool, **changed: Any) -> set[str]:
        environment: dict[str, Any] = {name.lower(): value for name, value in PRODUCTION.items()}
        monkeypatch.setattr(settings, "ENV", Environment(**(environment | changed)))
        monkeypatch.setattr(settings, "SECURE", secure)
        return {str(message.id).removeprefix("medvault.") for message in production(None)}

    wrong = {
        "staff_second_factor": "false", "email_url": None, "email_from": "x@localhost", "stripe_api_key": "sk_test_1",
        "stripe_api_base": "http://127.0.0.1", "stripe_webhook_secret": None, "medvault_shared": "/tmp",
        "secret_key": None, "redis_url": "redis://redis.example:6379/0",
        "database_url": "postgresql://medvault_facility:p@db.example,standby/medvault",
    }  # fmt: skip
    assert told(secure=False, **wrong) == {
        "E001", "E002", "E004", "E005", "E006", "W001", "W002", "W003", "W004", "W006", "W007",
    }  # fmt: skip
    assert "E003" in told(secure=True, trusted_proxies=0)
    found = database(settings.ENV.model_copy(update={"database_url": wrong["database_url"]}), "facility")
    assert (found["HOST"], found["OPTIONS"]["target_session_attrs"]) == ("db.example,standby", "read-write")


def test_the_documentation_names_every_variable_and_its_default() -> None:
    table = (PROJECT / "docs" / "operations.md").read_text().partition("## Configure")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
    documented = {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}
    assert documented == {name.upper() for name in Environment.model_fields}


def test_the_example_environment_is_read() -> None:
    lines = (DEPLOY / "medvault.env.example").read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    named: dict[str, Any] = {name.lower(): value for name, value in told.items()}
    assert Environment(**named).trusted_proxies == 1


def commands_of_units() -> Iterator[list[str]]:
    for unit in UNITS:
        for line in unit.read_text().splitlines():
            if line.startswith("Exec"):
                yield shlex.split(line.partition("=")[2])


def test_units_and_containers_run_commands_that_there_are() -> None:
    known, names = get_commands(), {program.name for program in programs(settings.ENV)}
    started = []
    for command in commands_of_units():
        assert command[:2] == ["/opt/medvault/.venv/bin/python", "manage.py"]
        assert command[2] in known
        started += command[3:4] if command[2] == "run" else []
    assert set(started) == names
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert {each["command"][1] for each in services.values() if each.get("command", [""])[0] == "run"} == names
    variables = {name.upper() for name in Environment.model_fields}
    for service in services.values():
        if service["image"] == "medvault":
            assert set(service["environment"]) <= variables
    copied = re.findall(r"^COPY (\w\S*) /opt", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {*copied, "requirements.lock"} == allowed
    assert all((PROJECT / path).exists() for path in copied)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """As they are, but for the program, which lies elsewhere here."""
    for unit in (DEPLOY / "systemd").iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/medvault/.venv/bin/python", "/bin/true"))
    names = [tmp_path / unit.name for unit in UNITS] + [tmp_path / "medvault.target"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "medvault" in line]
    assert complaints == []


@pytest.mark.skipif(not NGINX, reason="nginx is not installed")
def test_nginx_understands_the_proxy(tmp_path: Path) -> None:
    """As it is, but for the certificate and the log, which lie elsewhere here."""
    site = (DEPLOY / "nginx.conf").read_text().replace("/etc/letsencrypt/live/vault.example", str(tmp_path))
    (tmp_path / "site").write_text(site.replace("/var/log/nginx", str(tmp_path)))
    (tmp_path / "nginx").write_text(f"events {{}}\npid {tmp_path}/pid;\nhttp {{ include {tmp_path}/site; }}\n")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=vault.example"]
    made = ["-keyout", f"{tmp_path}/privkey.pem", "-out", f"{tmp_path}/fullchain.pem"]
    subprocess.run([*make, *made], check=True, capture_output=True)
    done = subprocess.run([NGINX, "-t", "-c", tmp_path / "nginx"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_process_is_started_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _program, command: became.append(command))
    monkeypatch.setattr("os.chdir", lambda _folder: None)
    call_command("run", "worker", "--", "-Q", "ingest")
    [command] = became
    assert command[1:4] == ["-A", "medvault", "--quiet"]
    assert command[-2:] == ["-Q", "ingest"]
