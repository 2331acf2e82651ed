"""Waiting for conditions, never for time; and without taking the processor from what is waited for."""

import time
from collections.abc import Callable
from contextlib import suppress
from subprocess import Popen
from typing import Any

PATIENCE_S = 60.0


def until(is_so: Callable[[], Any], complaint: str = "It did not come true", patience_s: float = PATIENCE_S) -> Any:
    """Wait for a condition; its first true value."""
    deadline = time.monotonic() + patience_s
    while not (found := is_so()):
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)
    return found


def until_answered(process: Popen[Any], ask: Callable[[], object], refusal: type[Exception]) -> None:
    """Wait for a program that was started to answer; it must not end before."""

    def answers() -> bool:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        with suppress(refusal):
            ask()
            return True
        return False

    until(answers)
