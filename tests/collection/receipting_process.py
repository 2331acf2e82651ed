"""A process of its own that issues a collection's receipts and waits before they are committed: python -m … UID."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.collection.models import Collection  # noqa: E402
from apps.collection.receipts import issue_receipts  # noqa: E402
from apps.core.clock import database_now  # noqa: E402
from apps.facilities.tenancy import as_center  # noqa: E402
from tests.collection.ingesting_process import wait_for_others  # noqa: E402


def main(uid: str) -> None:
    with as_center():
        issue_receipts(Collection.objects.select_related("facility").get(uid=uid), now=database_now())
        wait_for_others()


if __name__ == "__main__":
    main(*sys.argv[1:])
