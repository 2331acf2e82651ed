"""`manage.py`: Django's command line, which tells a person in a sentence that no database answers."""

import psycopg
from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import OperationalError

from medvault.logs.errors import chain

_NO_SUCH_HOST = "failed to resolve host"  # psycopg says so before there is a connection to say it of


def run(arguments: list[str]) -> None:
    """Run a command; where no database is reached, end with exit code 1 and what to do (`--traceback`: with frames)."""
    try:
        execute_from_command_line(arguments)
    except (OperationalError, psycopg.OperationalError) as error:
        reason = _unreachable(error)
        if reason is None or "--traceback" in arguments:
            raise
        raise SystemExit(f"The database does not answer: {reason}.\n{_what_to_do()}") from None


def _unreachable(error: BaseException) -> str | None:
    """Why there was no connection, which tells of servers alone (medvault/logs/errors.py); None where there was one."""
    for cause in chain(error):
        if isinstance(cause, psycopg.errors.ConnectionTimeout) or (
            isinstance(cause, psycopg.OperationalError)
            and (cause.pgconn is not None or str(cause).startswith(_NO_SUCH_HOST))
        ):
            return str(cause).splitlines()[0].removeprefix("connection is bad: ")
    return None


def _what_to_do() -> str:
    if settings.ENV.database_url:
        return "DATABASE_URL names it: start it, or name another one."
    return f"`make demo` or `manage.py bootstrap` starts the one of {settings.HOME}; DATABASE_URL names another one."
