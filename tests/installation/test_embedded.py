"""The embedded services of a home: apart from other homes', and back after everything was killed."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from medvault.embedded.postgresql import EmbeddedPostgreSQL
from medvault.embedded.redis import EmbeddedRedis, socket_path
from medvault.embedded.sockets import EmbeddedServiceError, make_socket_folder

Homes = Callable[[], Path]


@contextmanager
def running(service: EmbeddedPostgreSQL | EmbeddedRedis) -> Iterator[None]:
    service.start()
    try:
        yield
    finally:
        service.stop()


def postmaster(server: EmbeddedPostgreSQL) -> psutil.Process:
    return psutil.Process(int((server.data / "postmaster.pid").read_text().splitlines()[0]))


def sql(server: EmbeddedPostgreSQL, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.admin_conninfo(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_two_homes_run_side_by_side_and_know_nothing_of_each_other(homes: Homes) -> None:
    first, second = (EmbeddedPostgreSQL(homes(), "secret") for _ in range(2))
    with running(first), running(second):
        sql(first, "CREATE TABLE only_here ()")
        assert sql(second, "SELECT to_regclass('only_here')") == [(None,)]


def test_what_was_committed_is_there_after_everything_was_killed(homes: Homes) -> None:
    server = EmbeddedPostgreSQL(homes(), "secret")
    server.start()
    sql(server, "CREATE TABLE kept AS SELECT 1 AS number")
    killed = [postmaster(server), *postmaster(server).children(recursive=True)]
    for process in killed:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(killed, timeout=30)
    with running(server):
        assert sql(server, "SELECT number FROM kept") == [(1,)]


def test_a_server_that_outlived_its_supervisor_is_taken_over(homes: Homes) -> None:
    home = homes()
    with running(EmbeddedPostgreSQL(home, "secret")):
        process = postmaster(EmbeddedPostgreSQL(home, "secret"))
        EmbeddedPostgreSQL(home, "secret").start()
        assert postmaster(EmbeddedPostgreSQL(home, "secret")) == process


def test_a_home_with_a_long_path_works(homes: Homes) -> None:
    home = homes() / ("long" * 30)
    home.mkdir()
    with running(EmbeddedPostgreSQL(home, "secret")), running(EmbeddedRedis(home)):
        assert sql(EmbeddedPostgreSQL(home, "secret"), "SELECT 1") == [(1,)]


def test_nobody_enters_without_the_password(homes: Homes) -> None:
    home = homes()
    with running(EmbeddedPostgreSQL(home, "secret")):
        wrong = EmbeddedPostgreSQL(home, "guess").admin_conninfo()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_a_server_that_cannot_start_says_why(homes: Homes) -> None:
    server = EmbeddedPostgreSQL(homes(), "secret")
    with running(server):
        pass
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedServiceError, match="pg_control"):
        server.start()


def test_what_is_queued_is_there_after_redis_was_killed(homes: Homes) -> None:
    home = homes()
    with ExitStack() as stack:
        stack.enter_context(running(EmbeddedRedis(home)))
        client = redis.Redis(unix_socket_path=str(socket_path(home)))
        client.rpush("queue", "message")
        client.config_set("appendfsync", "always")
        client.rpush("queue", "another")
        process = psutil.Process(client.info()["process_id"])
        process.kill()
        process.wait(30)
        stack.enter_context(running(EmbeddedRedis(home)))
        assert client.lrange("queue", 0, -1) == [b"message", b"another"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_socket_folder_that_another_user_made_is_refused(homes: Homes) -> None:
    folder = homes() / "run"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    with pytest.raises(EmbeddedServiceError, match="is not this installation's"):
        make_socket_folder(folder)


def test_a_link_in_place_of_a_socket_folder_is_refused(homes: Homes) -> None:
    home = homes()
    (home / "elsewhere").mkdir()
    (home / "run").symlink_to(home / "elsewhere")
    with pytest.raises(EmbeddedServiceError):
        make_socket_folder(home / "run")
