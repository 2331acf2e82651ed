"""A process of its own that puts receipts of earlier releases on record: once it knows which, it says so, and goes on
when it is told to. It says how many it put there.
"""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.evidence import earlier_receipts  # noqa: E402


def waits(keys: list[int]) -> int:
    print("found", flush=True)
    sys.stdin.readline()
    return recorded(keys)


if __name__ == "__main__":
    recorded = vars(earlier_receipts)["_recorded"]
    vars(earlier_receipts)["_recorded"] = waits
    print(earlier_receipts.record_earlier_receipts(), flush=True)
