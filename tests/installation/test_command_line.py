"""A command that finds no database says so in a sentence and what to do, and holds no secret."""

import pytest

from tests.installation.conftest import Manage


@pytest.mark.parametrize("command", [("check",), ("sweep_retention", "--dry-run")])
def test_a_home_whose_database_does_not_run_is_told_how_to_start_it(manage: Manage, command: tuple[str, ...]) -> None:
    done = manage(*command)
    said, hint = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert said.startswith("The database does not answer: connection to server on socket")
    assert "`make demo` or `manage.py bootstrap`" in hint


def test_a_server_that_is_not_there_is_named_without_its_password(manage: Manage) -> None:
    done = manage("check", DATABASE_URL="postgresql://medvault_facility:s3cret@127.0.0.1:9/medvault")
    said, hint = done.stderr.splitlines()
    assert done.returncode == 1
    assert '"127.0.0.1", port 9 failed' in said
    assert hint == "DATABASE_URL names it: start it, or name another one."
    assert "s3cret" not in done.stderr


def test_a_host_whose_name_is_wrong_is_named(manage: Manage) -> None:
    done = manage("check", DATABASE_URL="postgresql://medvault_facility:s3cret@database.invalid/medvault")
    said, hint = done.stderr.splitlines()
    assert done.returncode == 1
    assert said.startswith("The database does not answer: failed to resolve host 'database.invalid'")
    assert hint == "DATABASE_URL names it: start it, or name another one."
