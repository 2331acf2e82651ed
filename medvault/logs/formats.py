"""How a log record is written: a line for people, or an object of JSON for programs.

Of what libraries attach to a record nothing is written but what is named here; it may be what somebody sent.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from apps.core import request_ids
from medvault.logs.errors import chain, described, frames


class Line(logging.Formatter):
    """`2026-04-01T02:17:00.123Z INFO apps.vault.fixity The message [request id]`, then what was raised."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one more for each exception."""
        told = _escaped(record.getMessage())
        request_id = request_ids.current()
        lines = [f"{_at(record)} {record.levelname} {record.name} {told}{f' [{request_id}]' if request_id else ''}"]
        for error in _raised(record):
            lines += [f"  {described(error)}", *(f"    {frame}" for frame in frames(error))]
        return "\n".join(lines)


class Json(logging.Formatter):
    """An object of JSON in one line. `fields`: what our own code attaches, as `extra={"fields": {…}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, process, then whatever else there is."""
        told: dict[str, Any] = {
            "at": _at(record), "level": record.levelname, "logger": record.name, "message": record.getMessage(),
            "pid": record.process,
        }  # fmt: skip
        if request_id := request_ids.current():
            told["request_id"] = request_id
        told |= getattr(record, "fields", {})
        if errors := _raised(record):
            told["errors"] = [{"kind": described(error), "frames": frames(error)} for error in errors]
        return json.dumps(told, ensure_ascii=False)


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _raised(record: logging.LogRecord) -> list[BaseException]:
    return chain(record.exc_info[1]) if record.exc_info and record.exc_info[1] else []


def _escaped(message: str) -> str:
    """Without line breaks, by which one event could pass for two."""
    return message.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
