"""What must not stand in a log."""

import logging
import re

_INVITATION = re.compile(r"(/invitations/)[^/\s]+")


class WithoutSecrets(logging.Filter):
    """Cuts the secrets of invitations from the paths that Django logs with every refusal."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_without(argument) for argument in record.args)
        return True


def _without(argument: object) -> object:
    return _INVITATION.sub(r"\1…", argument) if isinstance(argument, str) else argument
