"""Tokens as a door recognizes them."""

from django.test import TestCase

from apps.facilities.models import DeviceToken
from apps.facilities.tenancy import as_center
from apps.facilities.tokens import recognize


def recognized(secret: str) -> DeviceToken:
    """As the door does it. Raises UnknownToken."""
    with TestCase.captureOnCommitCallbacks(execute=True), as_center():
        return recognize(secret)
