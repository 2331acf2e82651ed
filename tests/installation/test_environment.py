"""A malformed environment stops the start with a sentence, and the sentence holds no secret."""

import pytest

from tests.installation.conftest import Manage


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "eighty", "valid integer"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("WEB_WORKERS", "0", "greater than or equal to 1"),
        ("LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("STAFF_SECOND_FACTOR", "perhaps", "valid boolean"),
        ("DATABASE_URL", "mysql://medvault:s3cret@db/medvault", "postgresql://"),
        ("DATABASE_URL", "postgresql://medvault:s3cret@db:port/medvault", "ort"),
        ("REDIS_URL", "http://:s3cret@cache", "redis://"),
        ("EMAIL_URL", "https://user:s3cret@mail", "smtps://"),
    ],
)
def test_a_malformed_value_is_named(manage: Manage, name: str, value: str, said: str) -> None:
    done = manage("check", **{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"MedVault cannot start: {name} ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "s3cret" not in done.stderr


def test_two_copies_need_two_places(manage: Manage) -> None:
    done = manage("check", VAULT_PRIMARY="/vault", VAULT_REPLICA="/vault")
    assert done.returncode == 1
    assert "two copies need two places" in done.stderr


def test_several_faults_are_told_at_once(manage: Manage) -> None:
    done = manage("check", PORT="x", WEB_WORKERS="y")
    assert [line.split()[3] for line in done.stderr.splitlines()] == ["PORT", "WEB_WORKERS"]
