"""A process of its own that packs what was promised, and dies or waits at a chosen step: python -m … STEP."""

import os
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.collection import promises  # noqa: E402
from apps.vault.journal import Left  # noqa: E402
from tests.collection.ingesting_process import after, before, die_at, wait_for_others  # noqa: E402

STEPS = ["read", "packed", "primary written", "in transaction", "committed", "segment gone", "closed", "all gone"]


def main(step: str) -> int:
    match step:
        case "read":
            after(promises, "members_of")
        case "segment gone":
            after(Path, "unlink")
        case "closed":
            before(Left, "drop")
        case "all gone":
            after(Left, "drop")
        case "together":
            after(promises, "members_of", wait_for_others)
        case _:
            die_at(step)
    return promises.pack_promised()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
