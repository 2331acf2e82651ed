"""Messages to people, and whether an error is among those of this answer."""

from typing import Any

from django.contrib.messages import ERROR
from django.contrib.messages.storage.fallback import FallbackStorage


class MessageStorage(FallbackStorage):
    """`has_errors`: whether an error was added for this request's answer."""

    has_errors = False

    def add(self, level: int, message: Any, extra_tags: str | None = "") -> None:
        self.has_errors = self.has_errors or int(level) >= ERROR
        super().add(level, message, extra_tags)
