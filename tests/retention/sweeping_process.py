"""A process of its own that sweeps, and dies or waits at a chosen step: python -m … STEP."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.retention import deletion, sweep  # noqa: E402
from tests.collection.ingesting_process import after, before, wait_for_others  # noqa: E402

STEPS = ["expired", "checked", "rows gone", "committed", "first pack gone", "bytes gone", "certified", "all done"]


def main(step: str) -> int:
    match step:
        case "expired":
            after(sweep, "_expire")
        case "checked":
            after(deletion, "_check")
        case "rows gone":
            after(deletion, "erase_rows")
        case "committed":
            before(deletion, "finish")
        case "first pack gone":
            after(deletion, "erase_pack")
        case "bytes gone":
            after(deletion, "forget_previews")
        case "certified":
            after(deletion, "certificate_of")
        case "all done":
            after(deletion, "finish")
        case "together":
            after(sweep, "_keys", wait_for_others)
    return sweep.sweep().deleted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
