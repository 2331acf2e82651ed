"""A process of its own that guesses a person's password so many times, and says how often it was heard: EMAIL TIMES."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from tests.accounts.pages import sign_in  # noqa: E402


def main(email: str, times: int) -> None:
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    answers = [sign_in(Client(HTTP_HOST="localhost"), email, "wrong").content.decode() for _ in range(times)]
    print(sum("Too many failed login attempts" not in answer for answer in answers))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
