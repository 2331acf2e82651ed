"""A process of its own that verifies every pack, and dies or waits at a chosen step: python -m … STEP

It prints the place and name of every copy that it reads.
"""

import os
import shutil
import sys
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
django.setup()

from apps.facilities.tenancy import as_center  # noqa: E402
from apps.vault import findings, fixity, verifying  # noqa: E402
from apps.vault.budget import Budget  # noqa: E402
from apps.vault.copies import read_copy  # noqa: E402
from apps.vault.places import DirectoryPlace  # noqa: E402
from tests.collection.ingesting_process import after, before, wait_for_others  # noqa: E402

STEPS = ["found", "kept aside", "half written", "written", "read back", "noted"]
SLOW_S = 0.1


def die_at(step: str) -> None:
    match step:
        case "found":
            before(verifying, "repair_copy")
        case "kept aside":
            after(DirectoryPlace, "keep_aside")
        case "half written":
            after(shutil, "copyfile")
        case "written":
            after(DirectoryPlace, "copy_from")
        case "read back":
            after(verifying, "repair_copy")
        case "noted":
            after(findings, "drop_oldest_aside")


def slowly(read: Any) -> Any:
    def told(pack: Any, alias: str) -> Any:
        print(f"{alias} {pack.name}", flush=True)
        time.sleep(SLOW_S)
        return read(pack, alias)

    return told


def main(step: str) -> None:
    die_at(step)
    with as_center():
        run = fixity.Sweep.of(is_all=True)
    if step in {"together", "held"}:
        fixity.TOGETHER = 2
        vars(verifying)["read_copy"] = slowly(read_copy)
        wait_for_others()
    if step == "held":
        after(verifying, "read_copy", wait_for_others)
    fixity.sweep(run, Budget())


if __name__ == "__main__":
    main(sys.argv[1])
