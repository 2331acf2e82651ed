"""`manage.py verify_vault`, and the task of the beat."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live_settings
from django.core.management import CommandError, call_command

from apps.facilities.models import Facility
from apps.vault.models import Pack
from apps.vault.tasks import verify_packs
from medvault.celery import app
from tests.vault.damage import age, flip, fresh, is_good, path_of, stored_packs


@pytest.fixture
def packs(sakura: Facility) -> list[Pack]:
    found = stored_packs(sakura, 3)
    for pack in found:
        age(pack, 1)
    return found


def exit_code(*arguments: str) -> int:
    try:
        call_command("verify_vault", *arguments)
    except SystemExit as error:
        return int(str(error.code))
    return 0


def test_all_is_well(packs: list[Pack], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--all") == 0
    assert f"packs, {2 * sum(pack.size_bytes for pack in packs):,} bytes" in capsys.readouterr().out


def test_without_all_only_what_is_due_is_read(packs: list[Pack]) -> None:
    flip(path_of(packs[0], "replica"))
    assert exit_code() == 0
    age(packs[0], 28)
    assert exit_code() == 1
    assert is_good(packs[0], "replica")


def test_a_finding_is_an_exit_code_until_it_is_resolved(packs: list[Pack]) -> None:
    flip(path_of(packs[0], "replica"))
    assert exit_code("--all") == 1
    assert exit_code("--all") == 0
    for alias in ("primary", "replica"):
        flip(path_of(packs[0], alias))
    assert exit_code("--all") == 1
    assert exit_code("--all") == 1


def test_one_facility_alone(packs: list[Pack], lindenhof: Facility) -> None:
    stored_packs(lindenhof, 1)
    flip(path_of(packs[0], "replica"))
    assert exit_code("--all", "--facility", "lindenhof") == 0
    assert exit_code("--all", "--facility", "sakura") == 1
    with pytest.raises(CommandError, match="no facility 'x'"):
        call_command("verify_vault", "--facility", "x")


def test_a_place_that_is_not_available_is_said_so(packs: list[Pack]) -> None:
    root = Path(live_settings.STORAGES["replica"]["OPTIONS"]["location"])
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(CommandError, match="The replica is not available") as refused:
        call_command("verify_vault", "--all")
    assert refused.value.returncode == 3


def test_the_beat_reads_what_is_due_within_the_budget(packs: list[Pack], settings: Any) -> None:
    assert app.conf.beat_schedule["verify-packs"]["task"] == verify_packs.name
    settings.FIXITY_RUN_BYTES = 2 * packs[0].size_bytes
    for pack, days in zip(packs, (31, 33, 32), strict=True):
        age(pack, days)
    verify_packs()
    assert [fresh(pack).verified_at is not None for pack in packs] == [False, True, False]
    settings.FIXITY_RUN_SECONDS = 0
    verify_packs()
    assert fresh(packs[2]).verified_at is None
