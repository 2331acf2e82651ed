"""A process of its own that opens an upload, a file to a batch, and dies or waits at a chosen step: KEY STEP."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.collection import handover  # noqa: E402
from apps.collection.media import receive  # noqa: E402
from tests.collection.ingesting_process import after, before, wait_for_others  # noqa: E402

STEPS = ["unsealed", "opened", "first batch", "all received", "receipted"]


def main(key: int, step: str) -> int:
    receive.FILES_IN_BATCH = 1
    match step:
        case "unsealed":
            after(handover, "unseal")
        case "opened":
            after(handover, "_collection")
        case "first batch":
            after(receive, "store_batch")
        case "all received":
            before(handover, "issue_receipts")
        case "receipted":
            after(handover, "issue_receipts")
        case "together":
            after(handover, "unseal", wait_for_others)
    return 0 if handover.open_upload(key) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
