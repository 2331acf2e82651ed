"""Receipts are followed by their cursor: none may come below one that was read."""

from collections.abc import Callable

import psycopg
import pytest
from django.test import Client

from apps.facilities.models import Facility, Scope
from tests.api.asking import Asking
from tests.forked import Forked
from tests.portal.pages import dicom, store
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("committed_db")


def test_whoever_follows_receipts_misses_none_that_is_committed_late(
    sakura: Facility, client: Client, token_for: Callable[..., str], superuser_sql: psycopg.Connection
) -> None:
    ask = Asking(client, "sakura", token_for(sakura, Scope.COLLECTIONS))
    uids = [str(store(sakura, dicom(number)).uid) for number in (1, 2)]
    first = Forked("tests.collection.receipting_process", uids[0])
    assert first.stdout.readline() == "here\n"
    second = Forked("tests.collection.receipting_process", uids[1])
    until(lambda: superuser_sql.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone(), "it did not wait")
    assert ask("receipts/").json() == {"receipts": [], "next": "0"}
    first.communicate("go on\n")
    assert second.stdout.readline() == "here\n"
    [read] = ask("receipts/").json()["receipts"]
    second.communicate("go on\n")
    [late] = ask(f"receipts/?after={read['cursor']}").json()["receipts"]
    assert [read["collection"], late["collection"]] == uids
