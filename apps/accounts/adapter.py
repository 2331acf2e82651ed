"""How django-allauth behaves here: nobody signs up alone; people come by invitation."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up is closed."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """What it tells of has been done: a mail server that is down must not turn that into an error."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except OSError as error:
            log.warning("A notice to a person about their sign-in was not sent: %s", type(error).__name__)
