"""A process of its own that reads the change feed, and waits with its transaction open: python -m … SECRET."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from django.test import Client  # noqa: E402

from apps.api import changes  # noqa: E402
from tests.api.asking import Asking  # noqa: E402
from tests.collection.ingesting_process import after, wait_for_others  # noqa: E402


def main(secret: str) -> None:
    after(changes, "changes_after", wait_for_others)
    told = Asking(Client(), "sakura", secret)("changes/").json()
    print(*(f"{each['cursor']}:{each['study_instance_uid']}" for each in told["changes"]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
